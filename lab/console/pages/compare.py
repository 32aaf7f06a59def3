"""Two traces side by side: how long each hop took in one and in the other."""

from dataclasses import dataclass

from lab.console.pages.units import difference, duration
from lab.console.pages.waterfall import OTHER, shares
from lab.tracing.names import Hop
from lab.tracing.trace import RANKS, Trace

NOTABLE = 0.1
"""The part by which a time must differ to be called slower or faster; and by more than is known."""

Part = tuple[int, bool]
"""The rank of a hop, and whether it is its own work, or else the queue before it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table."""

    hop: str
    what: str
    queue: bool
    a: str
    b: str
    change: str
    verdict: str
    """``slower`` or ``faster``: what b is; empty where that is not worth a word."""


def comparisons(a: Trace, b: Trace) -> list[Comparison]:
    """Each hop that is in one of them, what waited for a thread, and the whole."""
    one, other = times(a), times(b)
    ranks = {rank: hop for hop, rank in RANKS.items()}
    wrong = doubt(a) + doubt(b)
    lines = [
        compared(
            ranks.get(part[0], OTHER),
            *named(part, one, other),
            one.get(part),
            other.get(part),
            wrong if part[0] <= RANKS[Hop.PROXY] else 0.0,
        )
        for part in sorted({*one, *other})
    ]
    return [*lines, compared("", "the whole", False, (a.duration, ""), (b.duration, ""))]


def times(trace: Trace) -> dict[Part, tuple[float, str]]:
    """Seconds of each part, and its label."""
    found: dict[Part, tuple[float, str]] = {}
    for share in shares(trace, trace.duration):
        part = (RANKS.get(share.hop, len(RANKS)), not share.queue)
        seconds, label = found.get(part, (0.0, share.label))
        found[part] = (seconds + share.seconds, label)
    return found


def doubt(trace: Trace) -> float:
    """Seconds by which the proxy's part, and so the client's, may be wrong."""
    return max(node.uncertainty for node in trace.walk()) / 1e9


def named(
    part: Part, one: dict[Part, tuple[float, str]], other: dict[Part, tuple[float, str]]
) -> tuple[str, bool]:
    """What a part is called in one, or in both, and whether it is the queue."""
    labels = dict.fromkeys(each[part][1] for each in (one, other) if part in each)
    return " / ".join(labels), not part[1]


def compared(
    hop: str,
    what: str,
    queue: bool,
    a: tuple[float, str] | None,
    b: tuple[float, str] | None,
    wrong: float = 0.0,
) -> Comparison:
    """One line, times known to ``wrong`` seconds; what one of them lacks is compared to nothing."""
    if a is None or b is None:
        one, other = (duration(each[0]) if each else "—" for each in (a, b))
        return Comparison(hop, what, queue, one, other, "", "")
    change = b[0] - a[0]
    notable = abs(change) > max(wrong, NOTABLE * max(a[0], b[0]))
    verdict = ("slower" if change > 0 else "faster") if notable else ""
    return Comparison(hop, what, queue, duration(a[0]), duration(b[0]), difference(change), verdict)
