"""Two results beside each other, cell by cell: `lab bench --against OLD.json`.

Rounds of two files have nothing in common, so what a machine's mood did to one of them is in the
ratio: a change of a few per cent in all cells, the floor's too, is the machine's.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lab.bench.report import as_text
from lab.bench.results import Results, Spread

ALIKE = ("CPU", "system", "Python", "cores")
"""The facts by which two machines are one, as far as measuring goes."""

NOISE = 6
"""How often the scatter of both is noise: 4 in 100 of equal servers differ by more, at 5 rounds."""

FEWEST = 3
"""Rounds of each below which there is no verdict."""


@dataclass(frozen=True)
class Compared:
    """A figure, and what is said where it has become less, and more."""

    heading: str
    figure: str
    less: str
    more: str


FIGURES = (
    Compared("requests/s", "requests_per_second", "slower", "faster"),
    Compared("CPU µs/request", "cpu_us", "cheaper", "dearer"),
    Compared("p99 ms", "p99_ms", "faster", "slower"),
    Compared("peak KiB", "peak_rss_kib", "less", "more"),
    Compared("container KiB", "peak_container_kib", "less", "more"),
    Compared("RSS KiB each", "rss_kib_each", "less", "more"),
)


def unlike(
    old: Mapping[str, str], new: Mapping[str, str], names: Iterable[str] = ALIKE
) -> list[str]:
    """Which facts are not the same, for people; empty where figures may stand beside each other."""
    return [
        f"{name} was {old.get(name, 'not told')} and is {new.get(name, 'not told')}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def verdict(old: Spread, new: Spread, compared: Compared) -> str:
    """``tie``, or in a word what the figure has become."""
    if min(old.rounds, new.rounds) < FEWEST:
        return "too few rounds"
    if abs(new.median - old.median) <= NOISE * math.hypot(old.scatter, new.scatter):
        return "tie"
    return compared.less if new.median < old.median else compared.more


def table(old: Results, new: Results) -> list[list[str]]:
    """A row for each figure of each cell that both have."""
    rows = [["workload", "server", "figure", "old", "new", "new ÷ old", ""]]
    for workload, servers in new.cells().items():
        for server in servers:
            rows += _cell(old, new, workload, server)
    return rows


def _cell(old: Results, new: Results, workload: str, server: str) -> Iterator[list[str]]:
    asked = [_connections(each, workload, server) for each in (old, new)]
    if all(asked) and asked[0] != asked[1]:
        return
    for compared in FIGURES:
        before, after = (each.spread(workload, server, compared.figure) for each in (old, new))
        if before and after and before.median:
            yield [
                *(workload, server, compared.heading),
                *(f"{each.median:,.1f} ±{each.mad:,.1f}" for each in (before, after)),
                *(f"{after.median / before.median:.2f}", verdict(before, after, compared)),
            ]


def _connections(results: Results, workload: str, server: str) -> set[int]:
    """Those of the load; none where a file does not tell."""
    return {run.connections for run in results.of(workload, server) if run.connections}


def text(old: Results, new: Results) -> str:
    """For a terminal."""
    rows = table(old, new)
    lines = [f"Against the results of {old.facts.get('date', 'a day that is not told')}"]
    lines += [as_text(rows)] if len(rows) > 1 else ["  no cell is in both"]
    lines += [
        "  - two runs of a bench: a change that all cells share, the floor's too, is the machine's",
        f"  - a tie is less than the noise of both; commit {old.facts.get('commit', 'unknown')} "
        f"before, {new.facts.get('commit', 'unknown')} now",
    ]
    return "\n".join(lines)
