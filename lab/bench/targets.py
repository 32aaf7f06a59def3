"""What paceline is meant to reach."""

from dataclasses import dataclass

from lab.bench.apps import WAIT
from lab.bench.results import Results, Spread
from lab.bench.workloads import CONNECTIONS

SERVER, RIVAL, FLOOR = "paceline", "gunicorn", "floor"
IDEAL = CONNECTIONS / WAIT
"""Requests per second if every connection did nothing but wait."""


@dataclass(frozen=True)
class Target:
    """A bound on a figure of paceline's, or on a ratio with it.

    ``server`` is divided by ``by``: another server, a number, or nothing.
    """

    workload: str
    says: str
    figure: str
    bound: float
    most: bool = False
    server: str = SERVER
    by: str | float | None = None
    unit: str = "x"
    aim: float | None = None

    def asked(self) -> str:
        """The bound, for people."""
        aim = f", aim {self.aim:g}" if self.aim else ""
        return f"{'at most' if self.most else 'at least'} {self.bound:g} {self.unit}{aim}"

    def reached(self, results: Results) -> Spread | None:
        """The figure as measured; None where it was not, or where a cell of it is void."""
        if isinstance(self.by, str):
            return results.ratio(self.workload, self.figure, self.server, self.by)
        values = results.values(self.workload, self.server, self.figure).values()
        return Spread.of(value / (self.by or 1) for value in values)

    def verdict(self, reached: Spread) -> str:
        """``ok`` or ``short`` by the median, with a word where it is close."""
        met = reached.median <= self.bound if self.most else reached.median >= self.bound
        close = reached.rounds > 1 and reached.may_be(self.bound)
        return ("ok" if met else "short") + (", inside the noise" if close else "")


def _waits(workload: str) -> tuple[Target, Target]:
    """Threads enough for what waits, without being told how many."""
    rate = "requests_per_second"
    return (
        Target(workload, "requests/s: paceline ÷ gunicorn", rate, 3.5, by=RIVAL),
        Target(workload, f"requests/s: paceline ÷ the ideal {IDEAL:,.0f}", rate, 0.8, by=IDEAL),
    )


TARGETS = (
    Target(
        "hello",
        "CPU per request: paceline ÷ floor",
        "cpu_us",
        3,
        most=True,
        by=FLOOR,
        aim=2.5,
    ),
    Target("hello", "CPU per request: gunicorn ÷ paceline", "cpu_us", 6, server=RIVAL, by=SERVER),
    Target("django-json", "requests/s: paceline ÷ gunicorn", "requests_per_second", 1.9, by=RIVAL),
    *_waits("wait"),
    *_waits("django-wait"),
    Target("django-cpu", "requests/s: paceline ÷ gunicorn", "requests_per_second", 1, by=RIVAL),
    Target("django-cpu", "p99: paceline ÷ gunicorn", "p99_ms", 1, most=True, by=RIVAL),
    Target("idle", "memory for each connection", "rss_kib_each", 12, most=True, unit="KiB"),
    Target("idle", "a request beside them ÷ alone", "slowdown", 1.5, most=True),
)
