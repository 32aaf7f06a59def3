"""All of it for people."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab import typed
from lab.advise.commands import DJANGO, Setting
from lab.advise.judging import Figure, Judged, Kind
from lab.advise.sizing import SERVER_CPU, Machine, Size, Work
from lab.advise.stack import Stack
from lab.advise.trying import MIX, Trial
from lab.bench.report import Table, as_text, show
from lab.bench.results import Results, Spread
from lab.tracing.sentence import in_words

HEADING = ["path", "requests", "on a thread", "of it CPU", "waiting", "SQL", "queue", ""]

SHOWN = 15
"""Paths, those that take most of the time."""

FEWEST_ROUNDS = 3
"""Below which their deviation says nothing."""

STOLEN = 0.02
"""Share of a core that the host gave to others, from which on it is said."""


def paths(judged: Sequence[Judged]) -> str:
    """Each path in a line: how long it took, how much of that it computed and waited."""
    table: Table = [HEADING]
    for each in judged[:SHOWN]:
        if each.wall and each.cpu:
            cells = [spread(each.wall), spread(each.cpu), share(each.waiting)]
            cells += [in_words(each.sql) if each.sql else "-", in_words(each.queue)]
        else:
            cells = ["-"] * 5
        table.append([each.what, str(each.count), *cells, each.kind])
    more = len(judged) - SHOWN
    return as_text(table) + (f"\n  and {more} more, of less time" if more > 0 else "")


def spread(figure: Figure) -> str:
    """Median, and between which times eight of ten are."""
    return f"{in_words(figure.median)} ({in_words(figure.low)} to {in_words(figure.high)})"


def share(waiting: tuple[float, float]) -> str:
    """Such as 97 %, or between which two it is."""
    least, most = (round(100 * each) for each in waiting)
    return f"{most} %" if least == most else f"{least} to {most} %"


def meaning(judged: Sequence[Judged], work: Work, machine: Machine, size: Size) -> Iterator[str]:
    """What the figures mean, in sentences."""
    for each in judged[:SHOWN]:
        yield f"{each.what}: {sentence(each)}."
    yield (
        f"All together a request computes {in_words(work.cpu)} and waits {in_words(work.wait)}: a "
        f"blocking coefficient of {work.blocking:.2f}."
    )
    cpu = work.cpu + SERVER_CPU
    yield (
        f"The GIL: with {in_words(SERVER_CPU)} for the server itself, one process does at most "
        f"1 / {in_words(cpu)} = {1 / cpu:,.0f} requests/s; {cores(machine)}, busy to "
        f"{machine.utilisation:.0%}: {machine.cores * machine.utilisation / cpu:,.0f}."
    )
    yield (
        f"Little's law: {size.rate:,.0f} requests/s x {in_words(cpu + work.wait)} = "
        f"{size.at_work:,.1f} under way at one moment, of which {size.rate * work.wait:,.1f} wait."
    )
    if size.limit:
        yield LIMITS[size.limit]


LIMITS = {
    "cores": "The cores do not do more: for the rest of the rate it takes other machines.",
    "threads": "More would take so many threads that these weigh more than the arithmetic says: "
    "say the rate that is needed (`--rate`), or look for what waits so long.",
    "memory": "The memory has no room for more processes.",
}


def sentence(judged: Judged) -> str:
    """What one path does with its time, and what follows."""
    work = judged.work
    if work is None:
        return f"cannot tell, {judged.why}"
    match judged.kind:
        case Kind.SHORT:
            return (
                f"so short ({in_words(work.wall)}) that what the server itself costs decides; "
                f"`{typed.lab()} bench` compares servers"
            )
        case Kind.COMPUTES:
            return (
                f"computes. A process does at most {1 / work.cpu:,.0f} of them a second, however "
                "many threads it has, unless code in C releases the GIL; processes on cores of "
                "their own help"
            )
        case Kind.WAITS:
            others = f"{work.wait / work.cpu:,.0f}" if work.cpu else "any number of"
            return f"waits. While one does, {others} others could compute; threads help"
    return (
        f"does both: {work.wait / work.cpu:.1f} others could compute while one waits; some threads "
        "help, and processes"
    )


def cores(machine: Machine) -> str:
    """How many, in words."""
    return plural(machine.cores, "core")


def plural(number: int, one: str, more: str = "") -> str:
    """A number of things."""
    return f"{number} {one if number == 1 else more or one + 's'}"


def advice(settings: Iterable[Setting], machine: Machine, stack: Stack) -> Iterator[str]:
    """What to set: for each server its command line, and the same in the lab's words."""
    if known := stack.served:
        yield f"In {known.place} each server is started by the first command, here by the second."
    for setting in settings:
        choice = setting.choice
        threads = f" x {plural(choice.threads, 'thread')}" if choice.threads else ""
        processes = plural(choice.workers, "process", "processes")
        notes = "; ".join(filter(None, (setting.note, memory(choice.workers, machine))))
        yield f"{choice.server.name}, {choice.concurrency.name}: {processes}{threads} ({notes})"
        yield f"  {shlex.join(setting.command(stack.application))}"
        yield f"  {stack.start(setting)}"


def memory(processes: int, machine: Machine) -> str:
    """What so many processes take of what there is."""
    if not machine.worker:
        return "memory not known"
    taken = f"{processes} x {machine.worker:,.0f} MiB"
    if not machine.memory:
        return taken
    if processes * machine.worker > machine.memory:
        return f"{taken}: more than the {machine.memory:,.0f} MiB that are free"
    return f"{taken} of {machine.memory:,.0f} MiB free"


FIGURES: Mapping[str, tuple[str, str, float]] = {
    "requests/s": ("requests_per_second", "{:,.0f}", 1),
    "p50 ms": ("p50_ms", "{:,.1f}", 1),
    "p99 ms": ("p99_ms", "{:,.1f}", 1),
    "CPU µs/request": ("cpu_us", "{:,.0f}", 1),
    "peak MiB": ("peak_rss_kib", "{:,.0f}", 1 / 1024),
    "threads": ("peak_threads", "{:.0f}", 1),
}
"""Columns of the comparison: a figure of the bench, its format, its scale."""


WAITED = {name: FIGURES[name] for name in ("p50 ms", "p99 ms")} | {
    "longest ms": ("max_ms", "{:,.1f}", 1.0)
}
"""The same at a constant rate."""


def side_by_side(results: Results, figures: Mapping[str, tuple[str, str, float]]) -> Iterator[str]:
    """A table with a line for each setting, and why one is void."""
    table: Table = [["", *figures]]
    for name in results.servers:
        if reason := results.void(MIX, name):
            yield f"{name}: void, {reason}"
        table.append([name, *cells(results, MIX, name, figures)])
    yield as_text(table)


def cells(
    results: Results, asked: str, name: str, figures: Mapping[str, tuple[str, str, float]]
) -> Iterator[str]:
    """The figures of a setting that was asked for a path, or the mix."""
    for figure, form, scale in figures.values():
        yield show(results.spread(asked, name, figure), form, scale)


def waited(results: Results) -> Iterator[str]:
    """What clients wait, the advice beside the default: for all paths, and for each of several."""
    yield from side_by_side(results, WAITED)
    first = results.servers[0]
    median = {
        path: spread.median
        for path in results.workloads
        if path != MIX and (spread := results.spread(path, first, "p50_ms"))
    }
    slowest = sorted(median, key=lambda path: median[path], reverse=True)
    table: Table = [["path", "", *WAITED]]
    for path in slowest[:SHOWN]:
        for name in results.servers:
            table.append([path if name == first else "", name, *cells(results, path, name, WAITED)])
    if slowest:
        yield as_text(table)
    if (more := len(slowest) - SHOWN) > 0:
        yield f"  and {more} more, of shorter times"


def compared(results: Results) -> Iterator[str]:
    """The advice beside the default: a table, and who is ahead."""
    yield from side_by_side(results, FIGURES)
    ratio = results.ratio(MIX, "requests_per_second", "advice", results.servers[0])
    if ratio:
        yield verdict(ratio, results.servers[0])
    stolen = Spread.of(run.figures["stolen"] for run in results.runs if "stolen" in run.figures)
    if stolen and stolen.high > STOLEN:
        yield (
            f"Beware: the host of this virtual machine gave {show(stolen, '{:.0f}', 100)} % of a "
            "core to others meanwhile."
        )


def verdict(ratio: Spread, other: str) -> str:
    """Who is ahead, where the rounds tell."""
    told = f"{show(ratio)} x the requests/s of {other}"
    if ratio.rounds < FEWEST_ROUNDS:
        return f"Too few rounds to tell: the advice does {told}."
    if ratio.is_tie:
        return f"A tie, within the noise: the advice does {told}."
    return f"The advice does {told}."


def how_measured(trial: Trial) -> Iterator[str]:
    """What is about to be done, and the commands."""
    shared = trial.load_cores == trial.server_cores
    where = "on the same" if shared else f"on {len(trial.load_cores)} others"
    yield (
        f"{plural(trial.rounds, 'round')} of {trial.seconds} s in shuffled order (seed "
        f"{trial.seed}), a new server and a second of warm-up each; {trial.connections} "
        "connections ask for the paths in turn; server on "
        f"{len(trial.server_cores)} of the cores, load {where}"
    )
    for name, setting in trial.settings.items():
        command = setting.command(trial.served.application or DJANGO)
        yield f"  {name:<8} {shlex.join(command)}"
