"""Makes the runs of a plan, keeps each as it is made, and tells how far it is."""

import math
import shlex
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from lab import typed
from lab.bench import compose, machine, rounds
from lab.bench.load import WARM_UP
from lab.bench.results import Results, Run
from lab.bench.rounds import Plan


def facts(plan: Plan) -> dict[str, str]:
    """Machine, versions and what is done, for people."""
    contained = any(each.setup.contained for each in plan.candidates)
    setups = {(each.setup.workers, each.setup.proxied) for each in plan.candidates}
    told = (plan.cores.shared(*setup).split("; ") for setup in sorted(setups))
    shared = dict.fromkeys(each for parts in told for each in parts)
    warnings = list(filter(None, (plan.cores.warning, *shared, machine.disturbed())))
    connections = dict.fromkeys(plan.connections_of(each) for each in plan.candidates)
    return {
        **machine.facts(),
        **({"containers": compose.version()} if contained else {}),
        "cores": str(plan.cores),
        **({"beware": "; ".join(warnings)} if warnings else {}),
        "load": f"{', '.join(map(str, connections))} connections, "
        f"{plan.rounds} rounds of {plan.seconds} s, "
        f"{WARM_UP} s of warm-up before each, seed {plan.seed}",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def measure(plan: Plan, results: Results, raw: Path | None, until: float = math.inf) -> bool:
    """Makes the runs that ``results`` lack and keeps them; False where Ctrl-C has ended it.

    By ``until``, in time.monotonic(), it is done with what there was time for.
    """
    missing = rounds.left(plan, results.runs)
    click.echo(f"{len(missing)} runs, {shown(sum(map(plan.seconds_of, missing)))}")
    try:
        asked = AskedToStop()
        for line in progress(plan, results, until):
            click.echo(line)
            if raw:
                results.save(raw)
            asked.again()
    except KeyboardInterrupt:
        click.echo(f"stopped; what was done follows{how_to_resume(raw)}")
        return False
    if rounds.left(plan, results.runs):
        click.echo(f"time is up; what was done follows{how_to_resume(raw)}")
    return True


class AskedToStop:
    """Has Ctrl-C and TERM raise KeyboardInterrupt, and remembers them.

    Python drops what is raised in a hook of its own, such as logging's at each fork.
    """

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = True
        self.again()

    def again(self) -> None:
        """Raises KeyboardInterrupt where that was raised before."""
        if self._asked:
            raise KeyboardInterrupt


def how_to_resume(raw: Path | None) -> str:
    """The command that makes what is left, ready to stand behind a line; empty with no file."""
    command = f"{typed.lab()} bench --resume {shlex.quote(str(raw))}"
    return f", and `{command}` makes the rest" if raw else ""


def progress(plan: Plan, results: Results, until: float = math.inf) -> Iterator[str]:
    """Makes one run after the other and tells of each, with the time that is left."""
    began, seen, expected = time.monotonic(), set[tuple[str, str]](), 0.0
    turns = {turn.key: plan.seconds_of(turn) for turn in plan.turns()}
    for run in rounds.run(plan, tuple(results.runs), until):
        results.runs.append(run)
        expected += turns[run.key]
        missing = rounds.left(plan, results.runs)
        now = time.monotonic()
        needed = (now - began) / expected * sum(map(plan.seconds_of, missing))
        left = shown(max(0.0, min(needed, until - now)))
        if (run.workload, run.server) not in seen:
            seen.add((run.workload, run.server))
            yield "\n".join(f"  $ {command}" for command in run.commands)
        yield (
            f"[{len(turns) - len(missing)}/{len(turns)}, {left} left] round {run.round}  "
            f"{run.workload:<12} {run.server:<10} {outcome(run)}"
        )


def shown(seconds: float) -> str:
    """A time that is not known to the second."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def outcome(run: Run) -> str:
    """What came out of a run, in short."""
    if run.void:
        return f"void: {run.void}"
    if "slowdown" in run.figures:
        return "{rss_kib_each:.2f} KiB each, a request takes {slowdown:.2f} x".format(**run.figures)
    return "{requests_per_second:,.0f} requests/s, {cpu_us:,.1f} µs CPU each".format(**run.figures)
