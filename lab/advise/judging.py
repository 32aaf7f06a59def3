"""For each path: how much of its time is CPU, how much is waiting, or why that cannot be told."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.advise.observing import Seen, cores_at_once
from lab.advise.sizing import Work

ENOUGH = 20
"""Requests of a path, below which nothing is said of it."""

MOSTLY = 0.75
"""The share of its time from which on a request is said to compute, or to wait."""

TOO_WIDE = 0.3
"""The standard error of a mean, as a share of it, from which on it is none."""

LITTLE = 0.05
"""The share of a request's time that an error of its CPU time may be, however wide that is."""

SHORT = 0.001
"""Seconds in the application, below which it matters little what they are."""

RELEASED = 1.2
"""Cores at once of one process, from which on something releases the GIL."""


class Kind(StrEnum):
    """What a path does with its time."""

    COMPUTES = "computes"
    WAITS = "waits"
    MIXED = "mixed"
    SHORT = "short"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Figure:
    """Seconds over some requests: nine of ten are below ``high``, one is below ``low``."""

    mean: float
    median: float
    low: float
    high: float
    error: float
    """The standard error of the mean."""

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Of at least one."""
        ordered = sorted(values)
        last = len(ordered) - 1
        error = statistics.stdev(ordered) / math.sqrt(len(ordered)) if last else 0.0
        return cls(
            statistics.fmean(ordered),
            statistics.median(ordered),
            ordered[round(last * 0.1)],
            ordered[round(last * 0.9)],
            error,
        )

    @property
    def is_wide(self) -> bool:
        """Whether the mean of other requests may well be another one."""
        return self.error > TOO_WIDE * self.mean


@dataclass(frozen=True)
class Judged:
    """A path; ``why`` says what is in the way where its kind is unknown."""

    what: str
    count: int
    kind: Kind
    why: str = ""
    wall: Figure | None = None
    cpu: Figure | None = None
    waiting: tuple[float, float] = (0.0, 0.0)
    """The share of its time that it waits, of its CPU and waiting alone: at least, at most."""
    wait: float = 0.0
    """Seconds, on average, at most."""
    queue: float = 0.0
    sql: float = 0.0
    unserved: float = 0.0

    @property
    def work(self) -> Work | None:
        """For the arithmetic."""
        if self.kind == Kind.UNKNOWN or self.cpu is None:
            return None
        return Work(self.cpu.mean, self.wait)


def judge(requests: Iterable[Seen]) -> list[Judged]:
    """Every path, those that take most of the time first."""
    paths: dict[str, list[Seen]] = {}
    for seen in requests:
        paths.setdefault(seen.what, []).append(seen)
    ordered = sorted(paths.items(), key=lambda path: -sum(seen.wall for seen in path[1]))
    return [judge_one(what, own) for what, own in ordered]


def judge_one(what: str, requests: Sequence[Seen]) -> Judged:
    """One path.  Requests that failed say nothing of what it does."""
    good = [seen for seen in requests if (seen.status or 200) < 500]
    told = [(seen, seen.cpu) for seen in good if seen.cpu is not None]
    if why := too_few(requests, good, len(told)):
        return Judged(what, len(good), Kind.UNKNOWN, why)
    wall = Figure.of([seen.wall for seen, _ in told])
    cpu = Figure.of([cpu for _, cpu in told])
    most = [max(0.0, seen.wall - cpu - seen.unserved) for seen, cpu in told]
    least = [max(0.0, wait - seen.others) for (seen, _), wait in zip(told, most, strict=True)]
    waiting = middle_share(least, told), middle_share(most, told)
    kind, why = kind_of(wall, cpu, waiting, len(told))
    return Judged(
        what,
        len(told),
        kind,
        why,
        wall,
        cpu,
        waiting,
        # Of what is short the mean is that of the few moments when others had the core.
        (statistics.median if kind == Kind.SHORT else statistics.fmean)(most),
        statistics.fmean(seen.queue for seen, _ in told),
        statistics.fmean(seen.sql for seen, _ in told),
        statistics.fmean(seen.unserved for seen, _ in told),
    )


def too_few(requests: Sequence[Seen], good: Sequence[Seen], told: int) -> str:
    """Why the requests do not do; empty where they do."""
    failed = len(requests) - len(good)
    if failed > len(good):
        return f"{failed} of {len(requests)} requests were answered 500 or more"
    if good and not told:
        server, model = good[-1].server or "the server", good[-1].model
        return f"{server}{f' ({model})' if model else ''} does not tell a request's CPU time"
    if told < ENOUGH:
        return f"{told} requests are too few; {ENOUGH} are needed"
    return ""


def middle_share(waits: Sequence[float], told: Sequence[tuple[Seen, float]]) -> float:
    """The median, over the requests, of the share that waiting has beside CPU."""
    pairs = zip(waits, (cpu for _, cpu in told), strict=True)
    return statistics.median(wait / (wait + cpu) if wait + cpu else 0.0 for wait, cpu in pairs)


def kind_of(
    wall: Figure, cpu: Figure, waiting: tuple[float, float], count: int
) -> tuple[Kind, str]:
    """What it does, and where that cannot be told, why."""
    if wall.median < SHORT:
        return Kind.SHORT, ""
    matters = cpu.error > LITTLE * wall.mean
    for wide, name in ((wall.is_wide, "times"), (cpu.is_wide and matters, "CPU times")):
        if wide:
            return Kind.UNKNOWN, f"{name} are too far apart for {count} requests: more are needed"
    least, most = map(kind_by_share, waiting)
    if least != most and waiting[1] - waiting[0] > 1 - MOSTLY:
        return Kind.UNKNOWN, (
            f"between {waiting[0]:.0%} and {waiting[1]:.0%} may be waiting: some of it may be for "
            "the GIL, while others of its process computed, or for a core of a busy machine; ask "
            "it alone, by its URL"
        )
    return most, ""


def kind_by_share(waiting: float) -> Kind:
    """What it does that waits for this share of its time."""
    if waiting >= MOSTLY:
        return Kind.WAITS
    return Kind.COMPUTES if waiting <= 1 - MOSTLY else Kind.MIXED


def together(judged: Iterable[Judged]) -> Work | None:
    """The average request of all paths of which something is known; None where there is none."""
    known = [(work, each.count) for each in judged if (work := each.work)]
    if not known:
        return None
    counts = [count for _, count in known]
    return Work(
        statistics.fmean([work.cpu for work, _ in known], counts),
        statistics.fmean([work.wait for work, _ in known], counts),
    )


def doubts(requests: Sequence[Seen], judged: Sequence[Judged]) -> list[str]:
    """What a reader must know before believing any of it."""
    found = []
    cores = cores_at_once(requests)
    if cores > RELEASED:
        found.append(
            f"one process computed on {cores:.1f} cores at once, which the GIL does not allow: "
            "code in C releases it, and more threads would help more than is said here"
        )
    for each in judged:
        if each.kind != Kind.SHORT and each.wall and each.unserved > 0.2 * each.wall.mean:
            found.append(
                f"{each.what}: for {each.unserved / each.wall.mean:.0%} of its time it was ready "
                "and the machine gave it no core; that is left out, but the machine is too busy "
                "for good figures"
            )
    return found
