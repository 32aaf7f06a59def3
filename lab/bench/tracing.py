"""What tracing costs: one server and one view with it off, not sampled, and sampled.

    python -m lab.bench.tracing

Rounds as those of the bench, each with a server of its own; what is compared ran in the same round.
The collector throws away what comes: where two cores share what makes them fast, a busy one would
make the server's requests look dearer.  What the console itself costs, lab/bench/collector.py says.
"""

import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from lab.bench import machine, wrk
from lab.bench.candidates import Candidate
from lab.bench.machine import pinned
from lab.bench.results import Run
from lab.bench.rounds import Plan, prepare, run_once
from lab.bench.running import environment
from lab.bench.sink import sink
from lab.bench.workloads import WORKLOADS, Workload
from lab.serve import Choice

ROUNDS, SECONDS = 7, 4


@dataclass(frozen=True)
class Setting(Candidate):
    """Paceline with tracing in one of its settings."""

    summary: str = ""
    trace: str = ""
    """The word LAB_TRACE; empty: nothing of tracing is loaded."""

    def command(self, workload: Workload, bind: str) -> list[str]:
        """The command line of `lab up`, with tracing or without."""
        assert self.choice is not None
        return self.choice.command(bind, access_log=False, traced=bool(self.trace))

    def environment(self, telemetry: Path) -> dict[str, str]:
        """What the words and the stack would put into the server's environment."""
        if not self.trace:
            return {}
        return {
            "LAB_TRACE": self.trace,
            "LAB_TELEMETRY": str(telemetry),
            "LAB_WSGI": WORKLOADS["django-json"].application,
        }


PACELINE = Choice.from_words({"SERVER": "paceline"})
SETTINGS = (
    Setting("off", PACELINE, "LAB_TRACE=off"),
    Setting("not sampled", PACELINE, "LAB_TRACE=sampled, and no client asks for it", "sampled"),
    Setting("sampled", PACELINE, "LAB_TRACE=all: every request is recorded", "all"),
)


@click.command("bench-trace")
@click.option("--rounds", default=ROUNDS, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=SECONDS, show_default=True, type=click.IntRange(1))
@click.option("--seed", type=int, help="What the order follows from. [default: another each time]")
def main(rounds: int, seconds: int, seed: int | None) -> None:
    """Measure what tracing costs the server: CPU per request on the Django JSON view."""
    wrk.require()
    seed = random.randrange(10**6) if seed is None else seed
    plan = Plan([WORKLOADS["django-json"]], SETTINGS, rounds, seconds, seed, machine.these_cores())
    for name, value in machine.facts().items():
        click.echo(f"{name:<10} {value}")
    click.echo(f"{'rounds':<10} {rounds} of {seconds} s, seed {seed}\n")
    runs: list[Run] = []
    for run in measured(plan):
        runs.append(run)
        figures = run.void or "{cpu_us:.1f} µs, {requests_per_second:,.0f}/s".format(**run.figures)
        click.echo(f"round {run.round}  {run.server:<12} {figures}")
    click.echo("\n" + table(runs))


def measured(plan: Plan) -> Iterator[Run]:
    """Makes every run of a plan."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder, pinned(plan.cores.load):
        data = Path(folder)
        environ = environment(data)
        prepare(environ)
        with sink(data) as taken:
            for turn in plan.turns():
                setting = turn.candidate
                assert isinstance(setting, Setting)
                words = setting.environment(telemetry=data)
                yield run_once(plan, turn, {**environ, **words}, data / "server.log")
            click.echo(f"recordings: {taken.recordings:,} taken, {taken.dropped:,} dropped")


def table(runs: Sequence[Run]) -> str:
    """Medians, and medians of what was more than without tracing in the same round."""
    cpu = {(run.round, run.server): run.figures["cpu_us"] for run in runs if not run.void}
    lines = [f"{'':<12}  CPU µs per request     more than off, in the same round"]
    for setting in SETTINGS:
        mine = {turn: value for (turn, name), value in cpu.items() if name == setting.name}
        pairs = [(value, cpu[turn, "off"]) for turn, value in mine.items() if (turn, "off") in cpu]
        if not pairs:
            lines.append(f"{setting.name:<12}  void")
            continue
        more = [value - off for value, off in pairs]
        part = [value / off - 1 for value, off in pairs]
        lines.append(
            f"{setting.name:<12}  {statistics.median(mine.values()):7.1f}"
            f" ({min(mine.values()):.0f} to {max(mine.values()):.0f})"
            f"     {statistics.median(more):+7.1f} µs  {statistics.median(part):+.1%}"
            f" ({min(part):+.1%} to {max(part):+.1%})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
