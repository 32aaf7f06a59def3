"""The command `bench`."""

import math
import random
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from lab.bench import comparison, machine, own, report, wrk
from lab.bench.experiment import QUICK, QUICK_ROUNDS, QUICK_SECONDS, Experiment, quick
from lab.bench.measuring import facts, measure
from lab.bench.options import Listed, Threads
from lab.bench.results import Results
from lab.bench.setups import CONTAINERS, DIRECT, TCP, WAYS
from lab.bench.workloads import CONNECTIONS, USUAL, WORKLOADS
from lab.errors import LabError
from lab.screen import Screen
from lab.serve import WordError
from lab.words import TRANSPORTS

ROUNDS, SECONDS = 5, 5
SERVERS = "paceline,gunicorn,floor"

FILES = ("resume", "against", "raw", "page", "workloads")
"""Options that choose nothing of what is measured."""

Output = click.Path(dir_okay=False, writable=True, path_type=Path)
Input = click.Path(path_type=Path)


@click.command("bench", short_help="Measure servers beside each other.")
@click.option("--rounds", "turns", type=click.IntRange(1), help=f"Rounds. [default: {ROUNDS}]")
@click.option(
    "--seconds", type=click.IntRange(1), help=f"Seconds of each run. [default: {SECONDS}]"
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"A look within three minutes: at most {QUICK_ROUNDS} rounds of {QUICK_SECONDS} s.",
)
@click.option("--workloads", is_flag=True, help="List the workloads with what each is, and exit.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(WORKLOADS)),
    metavar="WORKLOAD",
    help="This workload; repeatable. [default: the usual]",
)
@click.option("--app", metavar="FOLDER", help="A project of your own instead.")
@click.option("--wsgi", metavar="MODULE:CALLABLE", help="What of it is served.")
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="/PATH",
    help="What is asked of it; repeatable. [default: /]",
)
@click.option("--requirements", metavar="FILE", help="What it requires, as for `lab up`.")
@click.option("--env-file", metavar="FILE", help="Its variables, as for `lab up`.")
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
    help="Whether nginx stands in front; containers: as `docker compose up` has both. "
    f"[default: {DIRECT}]",
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
@click.option(
    "--resume",
    type=Input,
    metavar="FILE",
    help="Make what this file of --json lacks, as it was asked for, and add it there.",
)
@click.option(
    "--against",
    type=Input,
    metavar="FILE",
    help="Compare with this older file of --json; without other options: measure the same.",
)
@click.option("--json", "raw", type=Output, help="Write every run to this file as it is made.")
@click.option(
    "--markdown",
    "page",
    type=Output,
    help="Write tables to this page, between its lines `bench: begin` and `bench: end`.",
)
@click.pass_context
def bench(
    ctx: click.Context,
    /,
    workloads: bool,
    resume: Path | None,
    against: Path | None,
    raw: Path | None,
    page: Path | None,
    **choice: Any,
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
    lab bench --servers paceline,gunicorn --way nginx,containers --only django-json
    lab bench --servers paceline,gunicorn --workers 1,2 --threads default,16 --only django-cpu
    lab bench --json new.json --against old.json
    lab bench --app ../shop --wsgi shop.wsgi:application --path /prices/
    """
    if workloads:
        return show_workloads()
    require(outputs=[path for path in (raw, page) if path])
    if page:
        report.require_place(page)
    old = Results.load(against) if against else None
    chosen = [name for name in choice if given(ctx, name)]
    if resume:
        refuse(ctx, "--resume", [*chosen, *(["raw"] if raw else [])])
        asked, raw = Experiment.read(Results.load(resume).plan, resume), resume
    elif old and old.plan and not chosen:
        asked = Experiment.read(old.plan, against)
    else:
        asked = choose(**choice)
    if asked.project and set(asked.ways) != {CONTAINERS}:
        own.prepare(asked.project, Screen().say)
    finished, results = made(asked, resume, old, raw, bool(choice["quick"]))
    click.echo("\n" + report.text(results))
    if old:
        click.echo("\n" + comparison.text(old, results))
    if not finished:
        sys.exit(128 + signal.SIGINT)
    if page:
        report.write_page(page, results)
    if any(run.void for run in results.runs):
        sys.exit(1)


def show_workloads() -> None:
    """Lists what --only takes, a star before what runs where nothing is chosen."""
    for each in WORKLOADS.values():
        click.echo(f"{'*' if each.usual else ' '} {each.name:<20} {each.summary}")
    click.echo("\n* runs without --only; lab/workloads.toml holds them")


def require(outputs: Iterable[Path]) -> None:
    """Raises LabError for what would end a long measuring later on."""
    if sys.platform != "linux":
        raise LabError("the bench keeps processes on cores and reads /proc: it needs Linux")
    wrk.require()
    for path in outputs:
        if not path.parent.is_dir():
            raise LabError(f"{path}: {path.parent} is no folder; make it first")


def given(ctx: click.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def refuse(ctx: click.Context, option: str, names: Sequence[str]) -> None:
    """Raises UsageError where an option stands beside others that it leaves no choice to."""
    others = [each.opts[0] for each in ctx.command.params if each.name in names]
    if others:
        raise click.UsageError(f"{option} goes on as it was asked for, without {', '.join(others)}")


def asked(words: Sequence[str]) -> Experiment:
    """What options of the command ask for, as words of a command line.

    Raises WordError, and click's errors for what the command line refuses.
    """
    choice = bench.make_context("bench", [*words]).params
    return choose(**{name: choice[name] for name in choice if name not in FILES})


def choose(
    *, turns: int | None, seconds: int | None, seed: int | None, only: Sequence[str], **choice: Any
) -> Experiment:
    """What the options ask for.  Raises WordError."""
    names = dict.fromkeys(name.strip() for name in choice.pop("servers").split(",") if name.strip())
    if not names:
        raise WordError(f"--servers: names no server; for example {SERVERS}")
    is_quick = choice.pop("quick")
    project, paths = project_of(choice)
    if project and only:
        raise WordError(f"--only {only[0]}: is the lab's; of a project of your own say --path")
    asked = Experiment(
        workloads=paths if project else tuple(dict.fromkeys(only)) or USUAL,
        servers=tuple(names),
        rounds=turns or (QUICK_ROUNDS if is_quick else ROUNDS),
        seconds=seconds or (QUICK_SECONDS if is_quick else SECONDS),
        seed=random.randrange(10**6) if seed is None else seed,
        project=project,
        **choice,
    )
    return quick(asked) if is_quick else asked


def project_of(choice: dict[str, Any]) -> tuple[dict[str, str] | None, tuple[str, ...]]:
    """Takes from the options what names a project of one's own and its paths.  Raises WordError."""
    app, wsgi, paths = choice.pop("app", None), choice.pop("wsgi", None), choice.pop("paths", ())
    more = {
        "APP_REQUIREMENTS": choice.pop("requirements", None),
        "APP_ENV_FILE": choice.pop("env_file", None),
    }
    for path in paths:
        if not path.startswith("/"):
            raise WordError(f"--path {path}: must begin with /")
    if paths and not app:
        raise WordError(f"--path {paths[0]}: of which project? Name its folder by --app")
    return own.words(app, wsgi, **more), tuple(dict.fromkeys(paths)) or ("/",)


def made(
    asked: Experiment, resume: Path | None, old: Results | None, raw: Path | None, is_quick: bool
) -> tuple[bool, Results]:
    """Makes the runs of an experiment, or those that a file lacks; whether to its end.

    Raises LabError where it was begun, or where that to compare with was made, on another machine.
    """
    plan, refused = asked.plan()
    for reason in refused:
        click.echo(f"lab: {reason}", err=True)
    now = facts(plan)
    if asked.project:
        now["project"] = "{APP_WSGI} of {APP_PATH}".format(**asked.project)
    if old and (reasons := comparison.unlike(old.facts, now)):
        raise LabError(f"figures of unlike machines tell nothing: {'; '.join(reasons)}")
    if resume:
        results = resumed(resume, now)
    else:
        names = [workload.name for workload in plan.workloads]
        servers = [candidate.name for candidate in plan.candidates]
        results = Results(now, names, servers, plan=asked.as_table())
    for name, value in results.facts.items():
        click.echo(f"{name:<10} {value}")
    return measure(plan, results, raw, time.monotonic() + QUICK if is_quick else math.inf), results


def resumed(path: Path, now: Mapping[str, str]) -> Results:
    """What a file has.  Raises LabError where machine, versions or commit are others now."""
    results = Results.load(path)
    if reasons := comparison.unlike(results.facts, now, (*machine.facts(), "cores")):
        raise LabError(f"{path} was begun elsewhere, measure anew: {'; '.join(reasons)}")
    return replace(results, facts={**results.facts, "resumed": now["date"]})
