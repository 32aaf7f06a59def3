"""Results as tables, for a terminal and for a page.

Targets and ratios stand first: figures alone change with the machine and its mood.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import markers
from lab.bench.labels import EACH, brief
from lab.bench.latency import SHARES
from lab.bench.results import AGREED, NOISE, Results, Spread
from lab.bench.setups import CONTAINERS
from lab.bench.targets import TARGETS
from lab.bench.workloads import summary_of

BEGIN, END = markers.lines_of("bench")
"""Lines of a Markdown page between which the bench writes."""

SATURATED = 0.95
"""Share of its core from which on the load is the bound."""

STOLEN = 0.02
"""Share of a core that others on the machine's host may take before it is said."""

LATE = 0.1
"""Share of a p99 from which on the lateness of the open loop itself is said."""

ENOUGH = 5
"""Rounds below which a result is a glance."""


@dataclass(frozen=True)
class Column:
    """A figure, or with ``ratio`` the multiple of the first server's, shown by a format."""

    heading: str
    figure: str
    format: str
    ratio: bool = False
    scale: float = 1


COLUMNS = (
    Column("requests/s ÷ {first}'s", "requests_per_second", "{:.2f}", ratio=True),
    Column("CPU ÷ {first}'s", "cpu_us", "{:.2f}", ratio=True),
    Column("memory ÷ {first}'s", "rss_kib_each", "{:.2f}", ratio=True),
    Column("requests/s", "requests_per_second", "{:,.0f}"),
    Column("CPU µs/request", "cpu_us", "{:,.1f}"),
    Column("nginx µs/request", "proxy_cpu_us", "{:,.1f}"),
    Column("p50 ms", "p50_ms", "{:,.1f}"),
    Column("p90 ms", "p90_ms", "{:,.1f}"),
    Column("p99 ms", "p99_ms", "{:,.1f}"),
    Column("longest ms", "max_ms", "{:,.0f}"),
    *(Column(f"p99 ms at {n} %", f"at{n}_p99_ms", "{:,.1f}") for n in SHARES),
    Column("core used %", "server_busy", "{:.0f}", scale=100),
    Column("nginx's %", "proxy_busy", "{:.0f}", scale=100),
    Column("peak MiB", "peak_rss_kib", "{:.1f}", scale=1 / 1024),
    Column("container MiB", "peak_container_kib", "{:.1f}", scale=1 / 1024),
    Column("nginx's MiB", "peak_proxy_kib", "{:.1f}", scale=1 / 1024),
    Column("threads", "peak_threads", "{:.0f}"),
    Column("processes", "peak_processes", "{:.0f}"),
    Column("slow readers served", "readers_served", "{:.0f}"),
    Column("their KiB/s", "readers_kib_s", "{:,.0f}"),
    Column("RSS KiB each", "rss_kib_each", "{:.2f}"),
    Column("PSS KiB each", "pss_kib_each", "{:.2f}"),
    Column("alone µs", "alone_us", "{:.0f}"),
    Column("beside them µs", "beside_us", "{:.0f}"),
    Column("beside ÷ alone", "slowdown", "{:.2f}"),
)

Table = list[list[str]]
"""Rows of cells; the first row is the heading."""


def show(spread: Spread | None, form: str = "{:.2f}", scale: float = 1) -> str:
    """``median ±deviation (lowest-highest)``; the median alone where there was one round."""
    if spread is None:
        return "-"
    median, mad, low, high = (
        form.format(value * scale) for value in (spread.median, spread.mad, spread.low, spread.high)
    )
    return median if spread.rounds == 1 else f"{median} ±{mad} ({low}-{high})"


def targets(results: Results) -> Table:
    """What was to be reached of what paceline was asked, with its verdict."""
    rows = [["workload", "target", "asked", "reached", ""]]
    for target in TARGETS:
        if target.concerns(results):
            found = target.reached(results)
            said = " ".join([show(found.spread), found.rival]).rstrip() if found else show(None)
            asked = [target.workload, target.says, target.asked()]
            rows.append([*asked, said, target.verdict(found)])
    return rows


def cells(results: Results, workload: str) -> Table:
    """One workload: a line for each server, the figures that it has."""
    servers = results.cells()[workload]
    columns = [
        column
        for column in COLUMNS
        if (len(servers) > 1 or not column.ratio)
        and any(results.values(workload, server, column.figure) for server in servers)
    ]
    heading = [column.heading.format(first=servers[0]) for column in columns]
    rows = [["server", *(heading or [""])]]
    for server in servers:
        if results.void(workload, server):
            rows.append([server, "void", *("" for _ in heading[1:])])
        else:
            rows.append(
                [server, *(cell(results, workload, server, servers[0], c) for c in columns)]
            )
    return rows


def cell(results: Results, workload: str, server: str, first: str, column: Column) -> str:
    """What stands in one column for one server."""
    if not column.ratio:
        spread = results.spread(workload, server, column.figure)
        return show(spread, column.format, column.scale)
    if server == first:
        return "1"
    ratio = results.ratio(workload, column.figure, server, first)
    return show(ratio, column.format) + (" tie" if ratio and ratio.is_tie else "")


def notes(results: Results) -> Iterator[str]:
    """What a reader must know to judge the tables."""
    if EACH in results.facts:
        yield f"each server: {results.facts[EACH]}"
    yield from _notes_on_figures(results)
    yield from _notes_on_surroundings(results)
    for workload, servers in results.cells().items():
        for server in servers:
            yield from _notes_on_cell(results, workload, server)


def _notes_on_figures(results: Results) -> Iterator[str]:
    """How they were made of the rounds, and what follows from that."""
    rounds = max((run.round for run in results.runs), default=0)
    yield (
        "median of the rounds ± their median absolute deviation (lowest-highest); a ratio is taken "
        "within each round"
    )
    yield (
        f"a ratio is a tie where 1 lies within its noise: {NOISE} of its deviations ÷ √rounds, or "
        f"{AGREED} where the same server is ahead in all rounds"
    )
    if rounds < ENOUGH:
        yield f"{rounds} of the {ENOUGH} rounds that a result needs: a glance"
    yield (
        "p50, p99 and longest are those of a closed loop, where a slow server is asked less "
        "often: to compare these servers, and nothing else"
    )


def _notes_on_surroundings(results: Results) -> Iterator[str]:
    """Containers, and the host of a virtual machine, where they are in the figures."""
    if any(run.way == CONTAINERS for run in results.runs):
        yield (
            "in containers each request is a line in two access logs, as `docker compose up` has "
            "it: writing it is in the figures, taking it is the engine's; their memory is that of "
            "the cgroup since it began, with files that were read"
        )
    stolen = Spread.of(run.figures["stolen"] for run in results.runs if "stolen" in run.figures)
    if stolen and stolen.high > STOLEN:
        yield (
            f"the host of this virtual machine gave {show(stolen, '{:.0f}', 100)} % of a core to "
            "others meanwhile"
        )


def _notes_on_cell(results: Results, workload: str, server: str) -> Iterator[str]:
    """Why it has no figures, or why they may be those of the load."""
    cell = f"{workload}, {server}"
    reason = results.void(workload, server)
    busy = results.spread(workload, server, "load_busy")
    late = results.spread(workload, server, "lag_share")
    if late and late.median > LATE:
        yield (
            f"{cell}: the open loop did not keep its own schedule, by {late.median:.0%} of the p99 "
            "it found: that is the load's latency too"
        )
    if reason:
        yield f"{cell}: void, {reason}"
    elif busy and busy.median > SATURATED:
        yield (
            f"{cell}: the load used {busy.median:.0%} of its core, so it may have been the bound "
            "on requests/s"
        )


def commands(results: Results) -> Iterator[str]:
    """How each cell was run, as one would type it; ports were other ones in each run."""
    yield "# DATA_DIR and STATIC_ROOT name a new folder that `manage.py prepare` has filled"
    for workload, servers in results.cells().items():
        for server in servers:
            yield f"# {workload}, {server}"
            yield from results.of(workload, server)[0].commands


def narrower(table: Table) -> Table:
    """A table, or its columns as its rows, whichever takes less of a terminal's width."""
    turned = [[*column] for column in zip(*table, strict=True)]
    return min(table, turned, key=lambda each: sum(widths_of(each)) + 2 * len(each[0]))


def widths_of(table: Table) -> list[int]:
    """How wide each column is."""
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def as_text(table: Table) -> str:
    """A table for a terminal."""
    widths = widths_of(table)
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
    return "\n".join(f"  {line}" for line in lines)


def as_markdown(table: Table) -> str:
    """A table for a page."""
    heading, *rows = (f"| {' | '.join(row)} |" for row in table)
    return "\n".join([heading, "|---" * len(table[0]) + "|", *rows])


def text(results: Results) -> str:
    """Everything but the machine, for a terminal."""
    parts = []
    wanted, results = targets(results), brief(results)
    if len(wanted) > 1:
        parts += ["Targets", as_text(wanted), ""]
    for workload in results.cells():
        parts += [
            f"{workload}: {summary_of(workload)}",
            as_text(narrower(cells(results, workload))),
            "",
        ]
    parts += ["Notes", *(f"  - {note}" for note in notes(results))]
    return "\n".join(parts)


def markdown(results: Results) -> str:
    """Everything, for a page."""
    wanted, results = targets(results), brief(results)
    facts = [["", ""], *([name, value] for name, value in results.facts.items())]
    parts = ["### Targets", as_markdown(wanted)]
    for workload in results.cells():
        parts += [
            f"### {workload}",
            f"Asked: {summary_of(workload)}.",
            as_markdown(cells(results, workload)),
        ]
    parts += ["### Notes", "\n".join(f"- {note}" for note in notes(results))]
    parts += ["### Machine and versions", as_markdown(facts)]
    parts += ["### Commands", "\n".join(["```sh", *commands(results), "```"])]
    return "\n\n".join(parts)


def require_place(path: Path) -> None:
    """Raises LabError where a page is there and has no place for the bench."""
    if path.exists():
        markers.around(path, "bench")


def write_page(path: Path, results: Results) -> None:
    """Puts the results between the two lines of a page, or makes one.  Raises LabError, OSError."""
    if not path.exists():
        path.write_text(f"{BEGIN}\n{END}\n")
    markers.put(path, "bench", markdown(results))
