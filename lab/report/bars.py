"""One measure of one workload as bars: the median, a line from the lowest round to the highest."""

from collections.abc import Sequence

from lab.bench.results import Results
from lab.report.measures import CPU, Measure, Place, places, server_of
from lab.serve import read_servers
from lab.svg import Linear, Panel, element, percent, text

ROW, BAR = 38, 10
"""Pixels: of a server's line, and of the bar in it."""

TIE = "≈"
"""Stands before what is no worse than the first as far as the rounds can tell."""

GROUPS = (("server", "cpu_us", ""), ("nginx", "proxy_cpu_us", " second"))
"""Groups of processes that a request costs something: the figure, and how its part looks."""

KNOWN = {*read_servers(), "floor"}


def mark(candidate: str) -> str:
    """The class that gives a server its colour."""
    server = server_of(candidate)
    return server if server in KNOWN else "other"


def bars(results: Results, workload: str, measure: Measure) -> Panel:
    """The servers of a workload, the best first."""
    order = places(results, workload, measure)
    scale = Linear(max((each.spread.high for each in order if each.spread), default=0))
    rows = [bar(each, measure, scale, number * ROW) for number, each in enumerate(order)]
    said = "; ".join(f"{each.server} {words(each, measure)}" for each in order)
    better = "more" if measure.most else "less"
    return Panel(
        measure.heading, f"{workload}, {better} is better. {said}.", "".join(rows), height(order)
    )


def height(rows: Sequence[object]) -> int:
    """Of a panel with so many rows, in pixels."""
    return ROW * len(rows) + 2


def words(place: Place, measure: Measure) -> str:
    """What stands at the end of a row."""
    if place.spread is None:
        return "no figure"
    return f"{TIE} {measure.words(place.spread)}" if place.tie else measure.words(place.spread)


def bar(place: Place, measure: Measure, scale: Linear, y: int) -> str:
    """One row: a line of words, and the bar below it."""
    parts = row(place.server, words(place, measure), y)
    if place.spread:
        spread, top = place.spread, y + 19
        width = percent(scale.share(spread.median))
        parts += [
            element("rect", class_="amount", y=top, width=width, height=BAR, rx=2),
            *whisker(scale, spread.low, spread.high, top + BAR // 2),
        ]
    return element("g", "".join(parts), class_=mark(place.server))


def row(name: str, value: str, y: int) -> list[str]:
    """Name and value over the line on which a bar lies."""
    base = y + 19 + BAR + 2
    return [
        text(name, y=y + 13),
        text(value, x="100%", y=y + 13, text_anchor="end", class_="quiet"),
        element("line", class_="track", x1=0, x2="100%", y1=base, y2=base),
    ]


def whisker(scale: Linear, low: float, high: float, y: float) -> list[str]:
    """From the lowest round to the highest; nothing where there was one."""
    if low == high:
        return []
    left, right = percent(scale.share(low)), percent(scale.share(high))
    ends = [
        element("line", class_="whisker", x1=x, x2=x, y1=y - 3, y2=y + 3) for x in (left, right)
    ]
    return [element("line", class_="whisker", x1=left, x2=right, y1=y, y2=y), *ends]


def cost(results: Results, workload: str) -> Panel | None:
    """What a request costs each group of processes; None where it was the server's alone."""
    order = [each for each in places(results, workload, CPU) if each.spread]
    parts = {each.server: groups(results, workload, each.server) for each in order}
    if all(len(each) < 2 for each in parts.values()):
        return None
    order.sort(key=lambda each: sum(parts[each.server].values()))
    scale = Linear(max(sum(each.values()) for each in parts.values()))
    rows = [
        stack(each.server, parts[each.server], scale, number * ROW)
        for number, each in enumerate(order)
    ]
    said = "; ".join(f"{name} {of_groups(each)}" for name, each in parts.items())
    return Panel(
        "CPU per request by group of processes, µs",
        f"{workload}, medians. {said}.",
        "".join(rows),
        height(order),
    )


def groups(results: Results, workload: str, server: str) -> dict[str, float]:
    """Medians, in microseconds, of the groups that have any."""
    found = {name: results.spread(workload, server, figure) for name, figure, _ in GROUPS}
    return {name: spread.median for name, spread in found.items() if spread}


def of_groups(parts: dict[str, float]) -> str:
    """For people."""
    return " + ".join(f"{name} {value:,.0f}" for name, value in parts.items())


def stack(server: str, parts: dict[str, float], scale: Linear, y: int) -> str:
    """A row of several parts, one behind the other."""
    drawn, left = row(server, of_groups(parts), y), 0.0
    for name, _, look in GROUPS:
        share = scale.share(parts.get(name, 0.0))
        place = {"x": percent(left), "y": y + 19, "width": percent(share), "height": BAR}
        drawn.append(element("rect", class_=f"amount{look}", **place))
        left += share
    return element("g", "".join(drawn), class_=mark(server))
