"""The command `bench`."""

import random
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from lab.bench import machine, report, rounds, wrk
from lab.bench.candidates import Candidate, crossed
from lab.bench.load import WARM_UP
from lab.bench.options import Listed, Threads
from lab.bench.results import Results, Run
from lab.bench.rounds import Plan
from lab.bench.setups import DIRECT, TCP, WAYS, Setup, every
from lab.bench.setups import USUAL as USUAL_SETUP
from lab.bench.workloads import CONNECTIONS, USUAL, WORKLOADS
from lab.errors import LabError
from lab.serve import WordError
from lab.words import TRANSPORTS

ROUNDS, SECONDS = 5, 5
QUICK_ROUNDS, QUICK_SECONDS = 2, 1
SERVERS = "paceline,gunicorn,floor"

Output = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("bench", short_help="Measure servers beside each other.")
@click.option("--rounds", "turns", type=click.IntRange(1), help=f"Rounds. [default: {ROUNDS}]")
@click.option(
    "--seconds", type=click.IntRange(1), help=f"Seconds of each run. [default: {SECONDS}]"
)
@click.option("--quick", is_flag=True, help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS} s: a look.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(WORKLOADS)),
    help="This workload; repeatable. [default: the usual]",
)
@click.option(
    "--connections",
    type=Listed(click.IntRange(1)),
    default=(CONNECTIONS,),
    help=f"Connections of the load, all at once. [default: {CONNECTIONS}]",
)
@click.option(
    "--way",
    "ways",
    type=Listed(click.Choice(WAYS)),
    default=(DIRECT,),
    help=f"Whether nginx stands in front. [default: {DIRECT}]",
)
@click.option(
    "--bind",
    "binds",
    type=Listed(click.Choice(TRANSPORTS)),
    default=(TCP,),
    help=f"By what the server is reached; uwsgi: by nginx alone. [default: {TCP}]",
)
@click.option(
    "--workers",
    type=Listed(click.IntRange(1)),
    default=(1,),
    help="Processes of a server, each with a core where there are enough. [default: 1]",
)
@click.option(
    "--threads",
    type=Listed(Threads(1)),
    default=(None,),
    help="Threads of each process, or `default`: what suits the server. [default: default]",
)
@click.option("--latency", is_flag=True, help="Also ask at 50, 70, 90 % of what was found.")
@click.option(
    "--servers",
    default=SERVERS,
    show_default=True,
    help="Which, with commas; SERVER or SERVER:CONCURRENCY. Ratios are to the first.",
)
@click.option("--seed", type=int, help="What the order follows from. [default: another each time]")
@click.option("--json", "raw", type=Output, help="Write every run to this file as it is made.")
@click.option(
    "--markdown",
    "page",
    type=Output,
    help="Write tables to this page, between its lines `bench: begin` and `bench: end`.",
)
def bench(
    turns: int | None,
    seconds: int | None,
    quick: bool,
    only: tuple[str, ...],
    connections: tuple[int, ...],
    ways: tuple[str, ...],
    binds: tuple[str, ...],
    workers: tuple[int, ...],
    threads: tuple[int | None, ...],
    latency: bool,
    servers: str,
    seed: int | None,
    raw: Path | None,
    page: Path | None,
) -> None:
    """Measure servers beside each other: what a request costs and how many there are per second.

    Each server runs as one process on a core of its own, at what its documentation recommends, with
    no access log; wrk asks it from another core over 32 connections. The floor is a loop
    that answers without looking: what Python itself costs. Ctrl-C ends it and shows what is done.
    It takes about ten minutes; leave the machine alone meanwhile.

    Options that end in … take several values with commas, and every combination is measured.

    \b
    make bench
    lab bench --quick --only hello --only django-json
    lab bench --only upload --only released --connections 64
    lab bench --servers paceline,paceline:pool,gunicorn:sync --only wait
    lab bench --way direct,nginx --bind tcp,unix --only django-json
    lab bench --servers paceline,gunicorn --workers 1,2 --threads default,16 --only django-cpu
    """
    require(outputs=[path for path in (raw, page) if path])
    if page:
        report.require_place(page)
    setups = list(every(ways, binds, workers, threads, connections))
    found, refused = candidates(servers, setups)
    for reason in refused:
        click.echo(f"lab: {reason}", err=True)
    plan = Plan(
        [WORKLOADS[name] for name in dict.fromkeys(only) or USUAL],
        found,
        turns or (QUICK_ROUNDS if quick else ROUNDS),
        seconds or (QUICK_SECONDS if quick else SECONDS),
        random.randrange(10**6) if seed is None else seed,
        machine.these_cores(),
        latency=latency,
    )
    if not plan.turns():
        raise WordError(f"--servers {servers}: cannot be asked {', '.join(only)}")
    results = Results(
        facts(plan),
        [workload.name for workload in plan.workloads],
        [candidate.name for candidate in plan.candidates],
    )
    for name, value in results.facts.items():
        click.echo(f"{name:<10} {value}")
    finished = measure(plan, results, raw)
    click.echo("\n" + report.text(results))
    if not finished:
        sys.exit(128 + signal.SIGINT)
    if page:
        report.write_page(page, results)
    if any(run.void for run in results.runs):
        sys.exit(1)


@click.command("report", short_help="Show results of the bench again.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--markdown", is_flag=True, help="Everything, as a page.")
def show_report(file: Path, markdown: bool) -> None:
    """Show results that `lab bench --json FILE` wrote, as tables."""
    results = Results.load(file)
    click.echo(report.markdown(results) if markdown else report.text(results))


def require(outputs: Iterable[Path]) -> None:
    """Raises LabError for what would end a long measuring later on."""
    if sys.platform != "linux":
        raise LabError("the bench keeps processes on cores and reads /proc: it needs Linux")
    wrk.require()
    for path in outputs:
        if not path.parent.is_dir():
            raise LabError(f"{path}: {path.parent} is no folder; make it first")


def candidates(
    text: str, setups: Sequence[Setup] = (USUAL_SETUP,)
) -> tuple[list[Candidate], list[str]]:
    """The servers of a list with commas in every setup, and which cannot be.  Raises WordError."""
    names = dict.fromkeys(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise WordError(f"--servers: names no server; for example {SERVERS}")
    return crossed(list(names), setups)


def facts(plan: Plan) -> dict[str, str]:
    """Machine, versions and what is done, for people."""
    setups = {(each.setup.workers, each.setup.proxied) for each in plan.candidates}
    shared = dict.fromkeys(plan.cores.shared(*setup) for setup in sorted(setups))
    warnings = list(filter(None, (plan.cores.warning, *shared, machine.disturbed())))
    connections = dict.fromkeys(plan.connections_of(each) for each in plan.candidates)
    return {
        **machine.facts(),
        "cores": str(plan.cores),
        **({"beware": "; ".join(warnings)} if warnings else {}),
        "load": f"{', '.join(map(str, connections))} connections, "
        f"{plan.rounds} rounds of {plan.seconds} s, "
        f"{WARM_UP} s of warm-up before each, seed {plan.seed}",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def measure(plan: Plan, results: Results, raw: Path | None) -> bool:
    """Makes all runs and keeps them; whether it came to its end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in progress(plan, results):
            click.echo(line)
            if raw:
                results.save(raw)
    except KeyboardInterrupt:
        click.echo("stopped; what was done follows")
        return False
    return True


def progress(plan: Plan, results: Results) -> Iterator[str]:
    """Makes one run after the other and tells of each, with the minutes that are left."""
    began, seen = time.monotonic(), set[tuple[str, str]]()
    total = len(plan.turns())
    for done, run in enumerate(rounds.run(plan), 1):
        results.runs.append(run)
        left = (time.monotonic() - began) / done * (total - done) / 60
        if (run.workload, run.server) not in seen:
            seen.add((run.workload, run.server))
            yield "\n".join(f"  $ {command}" for command in run.commands)
        yield (
            f"[{done}/{total}, {left:.0f} min left] round {run.round}  {run.workload:<12} "
            f"{run.server:<10} {outcome(run)}"
        )


def outcome(run: Run) -> str:
    """What came out of a run, in short."""
    if run.void:
        return f"void: {run.void}"
    if "slowdown" in run.figures:
        return "{rss_kib_each:.2f} KiB each, a request takes {slowdown:.2f} x".format(**run.figures)
    return "{requests_per_second:,.0f} requests/s, {cpu_us:,.1f} µs CPU each".format(**run.figures)
