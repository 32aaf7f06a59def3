"""Latencies of the open loop as curves: how many requests were answered within which time.

Across stands the share of requests, so that each line further right leaves out a tenth of those
before; up the time, logarithmic.  Histograms of all rounds are taken together; percentiles of
several could not be.
"""

import math
from collections.abc import Mapping, Sequence

from hdrh.histogram import HdrHistogram

from lab.bench.latency import SHARES
from lab.bench.open_loop import histogram
from lab.bench.results import Results
from lab.report.bars import mark
from lab.report.measures import server_of
from lab.svg import Logarithmic, Panel, element, percent, text

HIGH, TOP, FOOT = 200, 16, 22
"""Pixels: of the curves, above them, and below for what stands across."""

STEPS = 25
"""Points of a curve for each tenth that is left out."""

CLOSE = 4
"""Tenths from which on only the last has room for its words."""

DASHES = 4
"""Ways to draw a line, for candidates of one server."""

Curve = list[tuple[float, float]]
"""How many tenths are left out (0: none, 1: one in ten, 2: one in a hundred), and milliseconds."""


def curves(results: Results, workload: str) -> list[Panel]:
    """A panel for each rate that was asked, all on one scale; none where none was."""
    found = {share: merged(results, workload, share) for share in SHARES}
    drawn = {
        share: {server: curve(each) for server, each in by_server.items()}
        for share, by_server in found.items()
        if by_server
    }
    points = [p for lines in drawn.values() for line in lines.values() for p in line]
    if not points:
        return []
    across = math.ceil(max(tenths for tenths, _ in points))
    times = [ms for _, ms in points]
    scale = Logarithmic.around(min(times), max(times))
    looks = dashes(results.servers)
    return [panel(workload, share, lines, across, scale, looks) for share, lines in drawn.items()]


def merged(results: Results, workload: str, share: int) -> dict[str, HdrHistogram]:
    """The histogram of all rounds, by server; void cells have none."""
    found = {}
    for server in results.cells()[workload]:
        if results.void(workload, server):
            continue
        texts = [run.histograms.get(f"at{share}_latency") for run in results.of(workload, server)]
        whole = histogram()
        for encoded in filter(None, texts):
            whole.add(histogram(encoded))
        if whole.get_total_count():
            found[server] = whole
    return found


def curve(whole: HdrHistogram) -> Curve:
    """Up to the longest, which of 5,000 requests stands where one in 5,000 is left out."""
    last = math.log10(max(10, whole.get_total_count()))
    places = {
        100 * (1 - 10 ** (-step / STEPS)): step / STEPS for step in range(math.ceil(last * STEPS))
    }
    places[100.0] = last
    values = whole.get_percentile_to_value_dict([*places])  # all in one pass over the counts
    return [(place, values[percentile] / 1000) for percentile, place in places.items()]


def dashes(servers: Sequence[str]) -> dict[str, int]:
    """How each candidate's line is drawn: those of one server share its colour."""
    seen: dict[str, int] = {}
    looks = {}
    for candidate in servers:
        server = server_of(candidate)
        looks[candidate] = seen.get(server, 0) % DASHES
        seen[server] = seen.get(server, 0) + 1
    return looks


def panel(
    workload: str,
    share: int,
    lines: Mapping[str, Curve],
    across: int,
    scale: Logarithmic,
    looks: Mapping[str, int],
) -> Panel:
    """The curves at one rate."""
    drawn = [
        element(
            "polyline",
            class_=f"curve {mark(server)} dash-{looks[server]}",
            points=" ".join(
                f"{100 * n / across:.2f},{100 - 100 * scale.share(ms):.2f}" for n, ms in line
            ),
        )
        for server, line in lines.items()
    ]
    area = {"y": TOP, "width": "100%", "height": HIGH, "viewBox": "0 0 100 100"}
    lattice, words = grid(across, scale)
    content = [
        *lattice,
        element("svg", "".join(drawn), **area, preserveAspectRatio="none", overflow="visible"),
        *words,
    ]
    said = "; ".join(f"{server} {at(line, 1)}, {at(line, 2)} ms" for server, line in lines.items())
    return Panel(
        f"Latency at {share} % load",
        f"{workload}: time from when a request was due, by share of requests; p90 and p99: {said}.",
        "".join(content),
        TOP + HIGH + FOOT,
    )


def at(line: Curve, tenths: float) -> str:
    """The time at a share of requests."""
    return f"{min(line, key=lambda point: abs(point[0] - tenths))[1]:,.1f}"


def grid(across: int, scale: Logarithmic) -> tuple[list[str], list[str]]:
    """Lines at every power of ten and every tenth; and their words, which lie over all else."""
    lines, words, end = [], [], TOP + HIGH
    for ms in scale.decades():
        y = round(TOP + HIGH * (1 - scale.share(ms)), 1)
        lines.append(element("line", class_="rule", x1=0, x2="100%", y1=y, y2=y))
        said = f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"
        words.append(text(said, class_="quiet over", x="100%", y=y - 4, text_anchor="end"))
    for n in range(across + 1):
        x, last = percent(n / across), n == across
        lines.append(element("line", class_="rule", x1=x, x2=x, y1=TOP, y2=end))
        if last or n < CLOSE:
            anchor = "end" if last else "middle" if n else "start"
            share = f"{100 * (1 - 10.0**-n):.10g} %"
            words.append(text(share, class_="quiet", x=x, y=end + 16, text_anchor=anchor))
    return lines, words


def legend(results: Results, workload: str) -> Panel:
    """Which line is whose, in two columns."""
    looks = dashes(results.servers)
    servers = results.cells()[workload]
    parts = []
    for number, server in enumerate(servers):
        x, y = "50%" if number % 2 else "0%", number // 2 * 20
        line = element(
            "line", class_=f"curve {mark(server)} dash-{looks[server]}", x2=26, y1=9, y2=9
        )
        parts.append(element("svg", line + text(server, x=34, y=13), x=x, y=y, height=20))
    rows = (len(servers) + 1) // 2
    return Panel("Whose line it is", ", ".join(servers), "".join(parts), 20 * rows + 4)
