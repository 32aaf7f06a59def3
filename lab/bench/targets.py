"""What paceline is meant to reach, and whether a run shows that it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.bench.apps import WAIT
from lab.bench.results import Results, Spread
from lab.bench.setups import NGINX, USUAL, Setup
from lab.bench.workloads import CONNECTIONS
from lab.serve import read_servers

SERVER, RIVAL, FLOOR = "paceline", "gunicorn", "floor"
RATE, CPU, P99, MEMORY = "requests_per_second", "cpu_us", "at70_p99_ms", "peak_rss_kib"

MANY = 64
"""Connections at which servers are compared (docs/comparison.md)."""


@dataclass(frozen=True)
class Reached:
    """What was measured, and of several rivals the one that it is compared with: the best."""

    spread: Spread
    rival: str = ""


@dataclass(frozen=True)
class Target:
    """A bound on a figure of paceline's, or on a ratio with it, in one setup.

    ``server`` is divided by ``by``: another server, the best of several, a number, or nothing.
    ``than`` is the setup of what it is divided by, where that is another.
    """

    workload: str
    says: str
    figure: str
    bound: float
    most: bool = False
    server: str = SERVER
    by: str | float | Sequence[str] | None = None
    unit: str = "x"
    aim: float | None = None
    setup: Setup = USUAL
    than: Setup | None = None

    def asked(self) -> str:
        """The bound, for people."""
        aim = f", aim {self.aim:g}" if self.aim else ""
        return f"{'at most' if self.most else 'at least'} {self.bound:.3g} {self.unit}{aim}"

    def concerns(self, results: Results) -> bool:
        """Whether paceline was asked this at all."""
        return bool(results.of(self.workload, self.setup.name_of(SERVER)))

    def reached(self, results: Results) -> Reached | None:
        """The figure as measured; None where it was not, or where a cell of it is void."""
        own = self.setup.name_of(self.server)
        if self.by is None or isinstance(self.by, float):
            values = results.values(self.workload, own, self.figure).values()
            spread = Spread.of(value / (self.by or 1) for value in values)
            return Reached(spread) if spread else None
        rivals = [self.by] if isinstance(self.by, str) else self.by
        setup = self.than or self.setup
        ratios = [
            Reached(ratio, "" if rival == self.by else rival)
            for rival in rivals
            if (ratio := results.ratio(self.workload, self.figure, own, setup.name_of(rival)))
        ]
        hardest = max if self.most else min
        return hardest(ratios, key=lambda each: each.spread.median, default=None)

    def verdict(self, reached: Reached | None) -> str:
        """``met`` or ``short`` by the median; a tie where the rounds cannot tell."""
        if reached is None:
            return "not measured"
        spread = reached.spread
        if spread.rounds > 1 and spread.may_be(self.bound):
            return "tie within the noise"
        met = spread.median <= self.bound if self.most else spread.median >= self.bound
        return "met" if met else "short"


def _waits(
    workload: str, seconds: float, share: float, by: str | Sequence[str], bound: float, setup: Setup
) -> tuple[Target, Target]:
    """Threads enough for what waits, without being told how many."""
    ideal = (setup.connections or CONNECTIONS) / seconds
    says = f"requests/s: paceline ÷ the ideal {ideal:,.0f}"
    whom = by if isinstance(by, str) else "the best other"
    return (
        Target(workload, f"requests/s: paceline ÷ {whom}", RATE, bound, by=by, setup=setup),
        Target(workload, says, RATE, share, by=ideal, setup=setup),
    )


def _models(*servers: str) -> tuple[str, ...]:
    """Some servers in all their models, as candidates are named."""
    known = [each for each in read_servers().values() if each.name in servers]
    return tuple(
        each.name if model == each.default else f"{each.name}:{model}"
        for each in known
        for model in each.concurrency
    )


OTHERS = _models(*(name for name in read_servers() if name != SERVER))
GUNICORNS = _models(RIVAL)
AT_MANY, PROXIED = Setup(connections=MANY), Setup(NGINX, connections=MANY)


def _django_json(setup: Setup, how: str) -> tuple[Target, Target]:
    return (
        Target(
            *("django-json", f"requests/s{how}: paceline ÷ the best gunicorn", RATE, 1.9),
            by=GUNICORNS,
            setup=setup,
        ),
        Target(
            *("django-json", f"requests/s{how}: paceline ÷ the best other", RATE, 1),
            by=[name for name in OTHERS if name not in GUNICORNS],
            setup=setup,
        ),
    )


def _two_workers(workload: str) -> tuple[Target, Target]:
    """On two cores that the load shares, requests/s say less than what each of them costs.

    Where a request costs so much more by two workers, so many fewer of them fill two cores.
    """
    setup, more = Setup(workers=2, connections=MANY), 1.85
    return (
        Target(
            *(workload, "requests/s: paceline's two workers ÷ one", RATE, more),
            by=SERVER,
            setup=setup,
            than=AT_MANY,
        ),
        Target(
            *(workload, "CPU per request: paceline's two workers ÷ one", CPU, 2 / more, True),
            by=SERVER,
            setup=setup,
            than=AT_MANY,
        ),
    )


OF_32 = (
    Target(
        "hello",
        "CPU per request: paceline ÷ floor",
        CPU,
        3,
        most=True,
        by=FLOOR,
        aim=2.5,
    ),
    Target("hello", "CPU per request: gunicorn ÷ paceline", CPU, 6, server=RIVAL, by=SERVER),
    Target("django-json", "requests/s: paceline ÷ gunicorn", RATE, 1.9, by=RIVAL),
    *_waits("wait", WAIT, 0.8, RIVAL, 3.5, USUAL),
    *_waits("django-wait", WAIT, 0.8, RIVAL, 3.5, USUAL),
    Target("django-cpu", "requests/s: paceline ÷ gunicorn", RATE, 1, by=RIVAL),
    Target("django-cpu", "p99: paceline ÷ gunicorn", "p99_ms", 1, most=True, by=RIVAL),
    Target("idle", "memory for each connection", "rss_kib_each", 12, most=True, unit="KiB"),
    Target("idle", "a request beside them ÷ alone", "slowdown", 1.5, most=True),
)
"""With the connections that are usual."""

OF_MANY = (
    Target(
        *("hello", "CPU per request: gunicorn ÷ paceline", CPU, 6),
        server=RIVAL,
        by=SERVER,
        setup=AT_MANY,
    ),
    Target(
        *("hello", "CPU per request: paceline ÷ granian", CPU, 1.25, True),
        by="granian",
        aim=1,
        setup=AT_MANY,
    ),
    Target(
        *("hello", "CPU per request: paceline ÷ uwsgi, waitress or cheroot", CPU, 1, True),
        by=_models("uwsgi", "waitress", "cheroot"),
        setup=AT_MANY,
    ),
    *_django_json(AT_MANY, ""),
    *_django_json(PROXIED, " through nginx"),
    Target(
        *("django-json", "p99 at 70 % load: paceline ÷ the lowest other", P99, 1, True),
        by=OTHERS,
        setup=AT_MANY,
    ),
    Target(
        *("django-json", "memory at peak: paceline ÷ gunicorn:sync", MEMORY, 1.05, True),
        by="gunicorn:sync",
        setup=AT_MANY,
    ),
    *_waits("wait-10", 0.010, 0.9, OTHERS, 1, AT_MANY),
    *_waits("wait-100", 0.100, 0.9, OTHERS, 1, AT_MANY),
    Target("cpu", "requests/s: paceline ÷ the best other", RATE, 1, by=OTHERS, setup=AT_MANY),
    Target(
        *("cpu", "p99 at 70 % load: paceline ÷ the lowest other", P99, 1, True),
        by=OTHERS,
        setup=AT_MANY,
    ),
    *_two_workers("cpu"),
    *_two_workers("django-json"),
)
"""With 64, beside every server that was measured with it."""

TARGETS = (*OF_32, *OF_MANY)
