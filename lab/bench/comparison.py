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

OF_EACH_TIME = ("date", "resumed", "load", "beware")
"""Facts that are new with every run of the bench."""

TIE, UNKNOWN = "tie", "too few rounds"
BETTER = ("faster", "cheaper", "less")
"""Verdicts: none, and those that people like."""


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


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What else is not the same, such as commit and versions, for people: it is in every ratio."""
    left_aside = (*ALIKE, *OF_EACH_TIME)
    return unlike(old, new, (name for name in {**old, **new} if name not in left_aside))


@dataclass(frozen=True)
class Change:
    """A figure of a cell that both have."""

    workload: str
    server: str
    compared: Compared
    old: Spread
    new: Spread

    @property
    def ratio(self) -> float:
        """How many times the old one the new one is."""
        return self.new.median / self.old.median

    @property
    def noise(self) -> float | None:
        """How far from 1 the ratio of equals may lie; None where too few rounds were made."""
        if min(self.old.rounds, self.new.rounds) < FEWEST:
            return None
        return NOISE * math.hypot(self.old.scatter, self.new.scatter) / self.old.median

    @property
    def verdict(self) -> str:
        """``tie``, or in a word what the figure has become."""
        if self.noise is None:
            return UNKNOWN
        if abs(self.ratio - 1) <= self.noise:
            return TIE
        return self.compared.less if self.ratio < 1 else self.compared.more

    def words(self) -> list[str]:
        """Old, new and their ratio with its noise, as they stand in a table."""
        noise = "" if self.noise is None else f" ±{self.noise:.2f}"
        figures = (f"{each.median:,.1f} ±{each.mad:,.1f}" for each in (self.old, self.new))
        return [*figures, f"{self.ratio:.2f}{noise}"]


def changes(old: Results, new: Results) -> Iterator[Change]:
    """Each figure of each cell that both have."""
    for workload, servers in new.cells().items():
        for server in servers:
            if not why_not(old, new, workload, server):
                yield from _changes(old, new, workload, server)


def _changes(old: Results, new: Results, workload: str, server: str) -> Iterator[Change]:
    for compared in FIGURES:
        before, after = (each.spread(workload, server, compared.figure) for each in (old, new))
        if before and after and before.median:
            yield Change(workload, server, compared, before, after)


def why_not(old: Results, new: Results, workload: str, server: str) -> str:
    """Why a cell of one of them is not compared, for people; empty where it is."""
    both = {"old": old, "new": new}
    for name, each in both.items():
        if not each.of(workload, server):
            return f"not in the {name}"
        if reason := each.void(workload, server):
            return f"void in the {name}: {reason}"
    before, after = (_connections(each, workload, server) for each in both.values())
    if before and after and before != after:
        return f"by {_listed(before)} connections in the old, by {_listed(after)} in the new"
    return ""


def left_out(old: Results, new: Results) -> Iterator[str]:
    """The cells of each workload that are not compared, by the reason, for people."""
    cells = {
        (w, s): None for each in (new, old) for w, found in each.cells().items() for s in found
    }
    told: dict[tuple[str, str], list[str]] = {}
    for workload, server in cells:
        if reason := why_not(old, new, workload, server):
            told.setdefault((workload, reason), []).append(server)
    for (workload, reason), servers in told.items():
        yield f"{workload}, {', '.join(servers)}: {reason}"


def _connections(results: Results, workload: str, server: str) -> set[int]:
    """Those of the load; none where a file does not tell."""
    return {run.connections for run in results.of(workload, server) if run.connections}


def _listed(numbers: set[int]) -> str:
    return " and ".join(map(str, sorted(numbers)))


def table(old: Results, new: Results) -> list[list[str]]:
    """A row for each figure of each cell that both have."""
    rows = [["workload", "server", "figure", "old", "new", "new ÷ old", ""]]
    for each in changes(old, new):
        names = [each.workload, each.server, each.compared.heading]
        rows.append([*names, *each.words(), each.verdict])
    return rows


def notes(old: Results, new: Results) -> Iterator[str]:
    """What a reader must know to judge the ratios."""
    yield "two runs of a bench: a change that all cells share, the floor's too, is the machine's"
    yield (
        f"± behind a ratio is the noise of both, {NOISE} deviations over the root of the number of "
        "rounds: a ratio no further from 1 is a tie"
    )
    yield from (f"not compared: {each}" for each in left_out(old, new))


def text(old: Results, new: Results) -> str:
    """For a terminal."""
    rows = table(old, new)
    lines = [f"Against the results of {old.facts.get('date', 'a day that is not told')}"]
    lines += [as_text(rows)] if len(rows) > 1 else ["  no cell is in both"]
    changed = (f"not the same: {each}" for each in differences(old.facts, new.facts))
    lines += [f"  - {note}" for note in (*notes(old, new), *changed)]
    return "\n".join(lines)
