"""The command `advise`."""

import os
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from lab import typed
from lab.advise import commands, showing
from lab.advise.comparing import Comparison
from lab.advise.driving import drive, pairs, path_of, told
from lab.advise.judging import Judged, Kind, doubts, judge, together
from lab.advise.observing import Seen, crowded, stored, with_others
from lab.advise.served import available_memory, worker_memory
from lab.advise.sizing import Machine, Size, size
from lab.advise.stack import Stack, find_stack
from lab.errors import LabError
from lab.serve import WordError
from lab.trace.console import NoConsole
from lab.trace.target import Target

MOST_TRACES = 2000
"""The newest of those stored that are looked at."""
MOST_PATHS = 200
"""Addresses that the load asks for in turn."""

RECENT = 15 * 60.0
"""Seconds that are looked at where --since says nothing."""

UNITS = {"s": 1, "m": 60, "h": 3600}
DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")


class Duration(click.ParamType[float]):
    """Seconds, or such as 90s, 15m, 2h."""

    name = "duration"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds."""
        match = DURATION.fullmatch(str(value))
        if not match:
            self.fail(f"{value}: write it as in 90s, 15m or 2h", param, ctx)
        return float(match[1]) * UNITS[match[2] or "s"]


@click.command("advise", short_help="Say how many processes and threads an application needs.")
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--urls",
    "file",
    metavar="FILE",
    help="A file with a URL in each line, or - for standard input.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    default=10.0,
    show_default=True,
    help="How long the URLs are asked; up to three times that, for 20 requests of each.",
)
@click.option(
    "--since",
    type=Duration(),
    help="Without URLs: look at the requests of this time. [default: 15m]",
)
@click.option("--cores", type=click.IntRange(1), help="Cores to use. [default: all of these]")
@click.option(
    "--utilisation",
    type=click.IntRange(1, 100),
    default=70,
    show_default=True,
    help="Per cent of the cores' time that may be taken.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Requests a second that are expected. [default: what the cores can give]",
)
@click.option("--memory", type=click.FloatRange(1), help="MiB for all. [default: what is free]")
@click.option(
    "--server",
    type=click.Choice(sorted({server for server, _ in commands.MODELS})),
    help="Which to measure. [default: the stack's]",
)
@click.option(
    "--measure/--no-measure",
    default=None,
    help="Measure the advice beside the default. [default: where nothing else is at work]",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Of the measuring."
)
@click.option(
    "--round-seconds",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Seconds of each run in a round.",
)
@click.option(
    "--json",
    "raw",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write every run of the measuring to this file.",
)
@click.option("--console", metavar="URL", help="The console to ask. [default: the stack's]")
def advise(
    urls: tuple[str, ...],
    file: str | None,
    seconds: float,
    since: float | None,
    cores: int | None,
    utilisation: int,
    rate: float | None,
    memory: float | None,
    server: str | None,
    measure: bool | None,
    rounds: int,
    round_seconds: int,
    raw: Path | None,
    console: str | None,
) -> None:
    """Say of each path how much of its time is CPU and how much waiting, and what to set for that.

    Looks at the requests that the console of the stack that is up has stored; or asks URLs itself,
    one request at a time, which leaves no doubt what waits for what. Then it measures the advice
    beside the server's default, with servers of its own on the same application: it asks the same
    paths by GET, many at a time.

    \b
    lab advise                                      what came in the last 15 minutes
    lab advise '/workload/io/?ms=20' /inspect/      these two, in turn
    lab advise --urls urls.txt --rate 200 --cores 4
    lab advise --no-measure --since 2h

    Exit status: 0 advised, 1 cannot tell, or a measurement is void.
    """
    if raw and not raw.parent.is_dir():
        raise WordError(f"--json {raw}: {raw.parent} is no folder; make it first")
    if since is not None and (urls or file):
        raise WordError("--since: is for what is stored, and URLs are asked now; leave out one")
    stack = find_stack(console)
    targets = [stack.target(url) for url in [*urls, *read_urls(file)]]
    requests = watched(stack, targets, seconds, RECENT if since is None else since)
    judged = judge(requests)
    click.echo(showing.paths(judged) + "\n")
    machine = Machine(
        cores or len(os.sched_getaffinity(0)),
        utilisation / 100,
        memory or available_memory(),
        worker_memory(stack.leader) if stack.leader else None,
    )
    doubtful = doubts([*requests, *at_once(stack, targets, judged)], judged)
    found = advised(judged, doubtful, machine, rate, stack)
    comparison = Comparison(stack, found, machine, server, rounds, round_seconds, raw)
    paths = addresses(targets, requests)
    why_not = "as it was asked" if measure is False else comparison.obstacle(paths, measure)
    if why_not:
        if measure:
            raise LabError(f"cannot measure: {why_not}")
        click.echo(f"Not measured: {why_not}.")
    elif not comparison.measure(paths):
        sys.exit(1)


def read_urls(file: str | None) -> Iterator[str]:
    """The lines of a file; empty ones and those behind # are none.  Raises WordError."""
    if file is None:
        return
    try:
        with click.open_file(file) as lines:
            urls = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeError) as error:
        raise WordError(f"--urls {file}: cannot be read: {error}") from error
    if not urls:
        raise WordError(f"--urls {file}: names no URL; write one in each line")
    yield from urls


def watched(stack: Stack, targets: Sequence[Target], seconds: float, since: float) -> list[Seen]:
    """The requests, driven or stored.  Raises LabError where there are none."""
    try:
        if targets:
            urls = showing.plural(len(targets), "URL")
            click.echo(f"asking {urls} for {seconds:g} s, one request at a time …")
            asked = list(drive(targets, seconds, stack.leader))
            found = told(asked, stack.console)
            none = f"nothing was told of {len(asked)} requests; is LAB_TRACE=off?"
        else:
            began = time.time_ns() - int(since * 1e9)
            found = crowded(stored(stack.console, began, MOST_TRACES), load_of(since))
            none = (
                f"no request of the last {since / 60:g} minutes is known; send some, ask for more "
                "by --since, or name URLs"
            )
    except NoConsole as error:
        raise LabError(f"{error}\n{typed.how_to_start()}") from error
    if not found:
        raise LabError(f"cannot tell: {none}")
    return with_others(found)


def load_of(seconds: float) -> float:
    """Threads for each core of this machine that were ready on average, lately or in that time."""
    averages = os.getloadavg()  # of 1, 5 and 15 minutes
    some = averages[: 1 + (seconds > 60) + (seconds > 300)]
    return max(some) / (os.cpu_count() or 1)


def at_once(stack: Stack, targets: Sequence[Target], judged: Sequence[Judged]) -> Sequence[Seen]:
    """Requests for URLs that compute, two at once: what shows whether the GIL is held meanwhile."""
    computing = {each.what for each in judged if each.kind in (Kind.COMPUTES, Kind.MIXED)}
    asked = pairs([target for target in targets if path_of(target.url) in computing])
    try:
        return told(asked, stack.console) if asked else ()
    except NoConsole as error:
        raise LabError(str(error)) from error


def advised(
    judged: Sequence[Judged],
    doubtful: Iterable[str],
    machine: Machine,
    rate: float | None,
    stack: Stack,
) -> Size:
    """Says what it means and what to set.  Raises LabError where nothing is known."""
    work = together(judged)
    if work is None:
        reasons = "\n".join(f"{each.what}: {each.why}" for each in judged[: showing.SHOWN])
        raise LabError(f"cannot tell\n{reasons}")
    found = size(work, machine, rate)
    click.echo("What that means")
    for line in showing.meaning(judged, work, machine, found):
        click.echo(f"  {line}")
    for doubt in doubtful:
        click.echo(f"  Beware: {doubt}.")
    click.echo(f"\nWhat to set, for {found.rate:,.0f} requests/s on {showing.cores(machine)}")
    for line in showing.advice(commands.settings(found), machine, stack):
        click.echo(f"  {line}")
    click.echo()
    return found


def addresses(targets: Sequence[Target], requests: Sequence[Seen]) -> list[str]:
    """What the load is to ask for: the URLs, else some of the requests that were seen."""
    if targets:
        return [path_of(target.url) for target in targets]
    good = [s.target for s in requests if s.method == "GET" and s.status and s.status < 400]
    return random.sample(good, min(len(good), MOST_PATHS))
