"""Which settings are compared by measuring, or why none are."""

import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import click

from lab.advise import commands, latency, showing, trying
from lab.advise.served import Served
from lab.advise.sizing import Machine, Size
from lab.advise.stack import Stack
from lab.advise.trying import MIX, Trial
from lab.bench import wrk
from lab.bench.results import Results
from lab.errors import LabError


@dataclass(frozen=True)
class Comparison:
    """What is wanted of it."""

    stack: Stack
    size: Size
    machine: Machine
    server: str | None
    rounds: int
    seconds: int
    raw: Path | None = None
    """The file that every run goes to."""

    def obstacle(self, paths: Sequence[str], insists: bool | None) -> str:
        """Why it is not made; empty where it is."""
        here = len(os.sched_getaffinity(0))
        if not self.stack.served:
            return "the stack is not one of `lab up` on this machine, which must be Linux"
        if self.machine.cores > here:
            return f"this machine has {here} cores, and not {self.machine.cores}"
        if not paths:
            return "no GET was answered well that could be sent again"
        try:
            wrk.require()
        except LabError as error:
            return str(error)
        if not insists and (busy := trying.cores_in_use()) > trying.BUSY:
            return f"others use {busy:.1f} cores of this machine; --measure does it all the same"
        return ""

    def settings(self, known: Served) -> dict[str, commands.Setting]:
        """The default of the server, how it runs now, the advice; of those that are alike one."""
        models = dict(reversed(commands.MODELS))
        server = self.server or (known.server if known.server in models else "paceline")
        now = dict(known.now)
        model = now.get("CONCURRENCY", "") if now["SERVER"] == server else ""
        if (server, model) not in commands.MODELS:
            model = models[server]
        candidates = {"default": commands.Setting({"SERVER": server, "CONCURRENCY": model})}
        if now["SERVER"] == server:
            candidates["now"] = commands.Setting(now)
        candidates["advice"] = commands.setting(self.size, server, model)
        default = candidates["default"].command()
        if "now" in candidates and candidates["now"].command() in (
            default,
            candidates["advice"].command(),
        ):
            del candidates["now"]
        return candidates

    def measure(self, paths: Sequence[str]) -> bool:
        """Measures and shows; whether no run is void."""
        known = self.stack.served
        assert known is not None and self.stack.state is not None
        settings = self.settings(known)
        if settings["default"].command() == settings["advice"].command():
            click.echo("Not measured: the advice is the server's default.")
            return True
        trial = Trial(
            known,
            settings,
            paths,
            host=f"localhost:{self.stack.state.http_port}",
            connections=trying.connections(self.size.at_work, self.machine.utilisation),
            rounds=self.rounds,
            seconds=self.seconds,
            cores=self.machine.cores,
            seed=random.randrange(10**6),
        )
        stopped = trying.throttled()
        reached = self.measure_throughput(trial)
        waited = self.measure_latency(trial, reached)
        if self.raw:
            write(self.raw, reached, waited)
        if trying.throttled() > stopped:
            click.echo("Beware: this container was stopped for having used up its share of CPU.")
        return not any(run.void for run in reached.runs)

    def measure_throughput(self, trial: Trial) -> Results:
        """Measures and shows how many requests a second each setting can do."""
        click.echo("Measured")
        for line in showing.how_measured(trial):
            click.echo(f"  {line}")
        results = Results({}, [MIX], [*trial.settings])
        for done, run in enumerate(trying.run(trial), 1):
            results.runs.append(run)
            outcome = run.void or f"{run.figures['requests_per_second']:,.0f} requests/s"
            click.echo(f"  [{done}/{trial.rounds * len(trial.settings)}] {run.server:<8} {outcome}")
        for line in showing.compared(results):
            click.echo(line)
        return results

    def measure_latency(self, trial: Trial, results: Results) -> Results | None:
        """Measures and shows what clients wait at a rate that all can do, where there is one."""
        rate = latency.common_rate(results, self.size.rate)
        if rate is None:
            return None
        click.echo(f"At {rate:,.0f} requests/s of the same mix, from when each was due")
        fewer = replace(trial, rounds=min(trial.rounds, showing.FEWEST_ROUNDS))
        paths = [*dict.fromkeys(trial.paths)]
        found = Results({"rate": f"{rate:g} requests/s"}, [MIX, *paths], [*trial.settings])
        for run in trying.run(fewer, partial(latency.at, rate=rate)):
            found.runs.extend(latency.apart(run, paths))
        for line in showing.waited(found):
            click.echo(line)
        return found


def write(path: Path, reached: Results, waited: Results | None) -> None:
    """Every run as JSON: how much each setting reached, and what clients waited at one rate.

    Raises LabError.
    """
    table = {"reached": asdict(reached), "waited": asdict(waited) if waited else None}
    try:
        path.write_text(json.dumps(table, indent=1) + "\n")
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error
