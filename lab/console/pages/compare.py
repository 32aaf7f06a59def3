"""Two traces side by side: how long each hop took in one and in the other."""

from dataclasses import dataclass

from lab.console.pages.units import difference, duration
from lab.console.pages.waterfall import OTHER, shares
from lab.tracing.trace import RANKS, Trace

NOTABLE = 0.1
"""The part by which a time must differ to be called slower or faster; and by more than is known."""

Part = tuple[int, bool]
"""The rank of a hop, and whether it is its own work, or else the queue before it."""


@dataclass(frozen=True, slots=True)
class Time:
    """What a part took, in seconds."""

    seconds: float
    wrong: float = 0.0
    """By how much that may be wrong."""
    label: str = ""


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
    hops = {rank: hop for hop, rank in RANKS.items()}
    lines = []
    for part in sorted({*one, *other}):
        rank, served = part
        there = [each[part].label for each in (one, other) if part in each]
        what = " / ".join(dict.fromkeys(there))
        lines.append(
            compared(hops.get(rank, OTHER), what, not served, one.get(part), other.get(part))
        )
    return [*lines, compared("", "the whole", False, Time(a.duration), Time(b.duration))]


def times(trace: Trace) -> dict[Part, Time]:
    """What each part took; of two programs of one hop, both together."""
    found: dict[Part, Time] = {}
    for share in shares(trace, trace.duration):
        part = (RANKS.get(share.hop, len(RANKS)), not share.queue)
        before = found.get(part, Time(0.0, label=share.label))
        wrong = max(before.wrong, share.wrong)
        found[part] = Time(before.seconds + share.seconds, wrong, before.label)
    return found


def compared(hop: str, what: str, queue: bool, a: Time | None, b: Time | None) -> Comparison:
    """One line; what one of them lacks is compared with nothing."""
    if a is None or b is None:
        return Comparison(hop, what, queue, words(a), words(b), "", "")
    change = b.seconds - a.seconds
    least = max(a.wrong + b.wrong, NOTABLE * max(a.seconds, b.seconds))
    verdict = ("slower" if change > 0 else "faster") if abs(change) > least else ""
    return Comparison(hop, what, queue, words(a), words(b), difference(change), verdict)


def words(time: Time | None) -> str:
    """For people."""
    if time is None:
        return "—"
    return f"≈ {duration(time.seconds)}" if time.wrong else duration(time.seconds)
