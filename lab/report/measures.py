"""What servers are compared by, who is ahead in it, and who ties with that one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lab.bench.candidates import FLOOR
from lab.bench.results import Results, Spread


@dataclass(frozen=True)
class Measure:
    """A figure of runs, for people; ``most`` where more of it is better."""

    figure: str
    title: str
    unit: str
    format: str
    scale: float = 1
    most: bool = False

    @property
    def heading(self) -> str:
        """The title with the unit, where that does not say it."""
        return ", ".join(filter(None, (self.title, self.unit)))

    def words(self, spread: Spread | None) -> str:
        """The median with the median absolute deviation of its rounds."""
        if spread is None:
            return "-"
        median, mad = (
            self.format.format(value * self.scale) for value in (spread.median, spread.mad)
        )
        return median if spread.rounds == 1 else f"{median} ±{mad}"


RATE = Measure("requests_per_second", "Requests per second", "", "{:,.0f}", most=True)
CPU = Measure("cpu_us", "CPU per request", "µs", "{:,.1f}")
P99 = Measure("at70_p99_ms", "p99 at 70 % load", "ms", "{:,.1f}")
MEMORY = Measure("peak_rss_kib", "Memory at peak", "MiB", "{:,.1f}", scale=1 / 1024)
CONTAINER = Measure(
    "peak_container_kib", "Memory of the container", "MiB", "{:,.1f}", scale=1 / 1024
)
IDLE = Measure("rss_kib_each", "Memory of an idle connection", "KiB", "{:,.2f}")
SLOWDOWN = Measure("slowdown", "A request beside them ÷ alone", "", "{:,.2f}")

READERS = Measure("readers_served", "Slow readers served", "", "{:,.0f}", most=True)

MEASURES = (RATE, CPU, P99, MEMORY, CONTAINER, READERS, IDLE, SLOWDOWN)


@dataclass(frozen=True)
class Place:
    """A server in the order of one measure; ``tie``: with the first, within the noise."""

    server: str
    spread: Spread | None
    tie: bool = False


def server_of(candidate: str) -> str:
    """The server alone of a candidate such as ``gunicorn:sync nginx 2w``."""
    return re.split("[ :]", candidate, maxsplit=1)[0]


def measured(results: Results, workload: str) -> list[Measure]:
    """The measures of which a workload has figures."""
    servers = results.cells().get(workload, [])
    return [
        measure
        for measure in MEASURES
        if any(results.values(workload, server, measure.figure) for server in servers)
    ]


def places(results: Results, workload: str, measure: Measure) -> list[Place]:
    """Every server of a workload, the best first, those without a figure last.

    The floor is no server: nobody is behind it, and nobody ties with it.
    """
    servers = results.cells()[workload]
    spreads = {server: results.spread(workload, server, measure.figure) for server in servers}

    def rank(server: str) -> tuple[bool, float]:
        spread = spreads[server]
        return spread is None, (spread.median if spread else 0) * (-1 if measure.most else 1)

    ordered = sorted(servers, key=rank)
    first = next((s for s in ordered if spreads[s] and server_of(s) != FLOOR), None)
    return [
        Place(server, spreads[server], ties(results, workload, measure, server, first))
        for server in ordered
    ]


def ties(results: Results, workload: str, measure: Measure, server: str, first: str | None) -> bool:
    """Whether the difference of two is within the noise of the rounds."""
    if first in (None, server) or server_of(server) == FLOOR:
        return False
    ratio = results.ratio(workload, measure.figure, server, str(first))
    return ratio is not None and ratio.is_tie


def leaders(found: Sequence[Place]) -> str:
    """Who is ahead, with those that tie, in words; ``-`` for nobody."""
    running = [each for each in found if each.spread and server_of(each.server) != FLOOR]
    if not running:
        return "-"
    first, *others = running
    tied = [each.server for each in others if each.tie]
    return f"{first.server}, a tie with {' and '.join(tied)}" if tied else first.server
