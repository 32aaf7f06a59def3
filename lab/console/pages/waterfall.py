"""Lays a trace out as rows of bars, as its page and the comparison show it.

Coordinates are percentages of the scale, as texts: SVG takes them as attributes, so no style stands
in the page (the console's Content-Security-Policy forbids it), and nothing needs a script.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.console.pages.reading import short, text
from lab.console.pages.units import coarse, duration, percent
from lab.tracing.names import SQL, Hop
from lab.tracing.sentence import is_sql
from lab.tracing.span import Event
from lab.tracing.trace import RANKS, Node, Trace

MOST_ROWS = 500
"""Of one trace; more nobody reads, and the export has them all."""
DEEPEST = 24
"""Further in nothing is indented more; base.css has a rule for each level."""
THINNEST = 0.2
"""Percent that a bar is wide at least, so that it is seen."""

MOST_EVENTS = 50
"""Of one span."""
OTHER = "other"
"""The colour of a span that says no hop."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on the scale."""

    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One span."""

    node: Node
    level: int
    """1 for a root."""
    service: str
    """Whose it is."""
    leads: bool
    """Whether the row before is another's."""
    kind: str
    name: str
    x: str
    width: str
    doubt: tuple[str, str] | None
    """From where, and how far, it may have gone on: nginx counts in milliseconds."""
    events: Sequence[Tick]
    lasts: str
    most: bool
    """Whether of all rows it has the most time to itself."""

    @property
    def id(self) -> str:
        """Of the span."""
        return self.node.span.span_id

    @property
    def hop(self) -> str:
        """Its colour."""
        return self.node.span.hop if self.node.span.hop in RANKS else OTHER

    @property
    def queue(self) -> bool:
        """Whether the request waited for a thread meanwhile."""
        return is_queue(self.node)

    @property
    def failed(self) -> bool:
        """Whether it says so."""
        return self.node.span.error is not None


@dataclass(frozen=True, slots=True)
class Share:
    """What a hop took of the whole: time in which nobody farther from the client worked."""

    hop: str
    label: str
    seconds: float
    x: str
    width: str
    queue: bool
    wrong: float
    """Seconds by which it may be wrong, where somebody counted in milliseconds."""

    @property
    def lasts(self) -> str:
        """For people."""
        return f"≈ {duration(self.seconds)}" if self.wrong else duration(self.seconds)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace, ready to be drawn."""

    rows: Sequence[Row]
    left_out: int
    """Rows past MOST_ROWS."""
    ticks: Sequence[Tick]
    shares: Sequence[Share]


def lay_out(trace: Trace, scale: float | None = None) -> Waterfall:
    """On a scale of so many seconds; without one, of as many as it took."""
    whole = scale or trace.duration
    nodes = [*levels(trace)]
    most = max((node for node, _ in nodes), key=lambda node: node.self_time)
    rows: list[Row] = []
    before = ""
    for node, level in nodes[:MOST_ROWS]:
        service = label(node)
        rows.append(row(node, level, service != before, trace, whole, most))
        before = service
    return Waterfall(rows, len(nodes) - len(rows), ticks(whole), shares(trace, whole))


def levels(trace: Trace) -> Iterator[tuple[Node, int]]:
    """Every node, each before its children, and how deep it is: 1 for a root."""
    depths: dict[Node, int] = {}
    for node in trace.walk():
        depths[node] = depths[node.parent] + 1 if node.parent in depths else 1
        yield node, min(depths[node], DEEPEST)


def row(node: Node, level: int, leads: bool, trace: Trace, whole: float, most: Node) -> Row:
    """A node on a scale of ``whole`` seconds."""
    x, width = place(node.start, node.end, trace, whole)
    kind, name = title(node)
    return Row(
        node,
        level,
        label(node),
        leads,
        kind,
        name,
        x,
        width,
        doubt(node, trace, whole),
        [event_tick(node, event, trace, whole) for event in node.span.events[:MOST_EVENTS]],
        coarse(node.duration) if node.uncertainty else duration(node.duration),
        node is most,
    )


def place(start: int, end: int, trace: Trace, whole: float) -> tuple[str, str]:
    """Where a bar begins, and its width, wide enough to be seen."""
    left = 100 * (start - trace.start) / 1e9 / whole if whole else 0.0
    width = 100 * (end - start) / 1e9 / whole if whole else 100.0
    left = min(max(0.0, left), 100 - THINNEST)
    return f"{left:.3f}%", f"{max(THINNEST, min(width, 100 - left)):.3f}%"


def doubt(node: Node, trace: Trace, whole: float) -> tuple[str, str] | None:
    """The time in which a node of uncertain times may have begun and ended.

    A parent whose own times are exact bounds it.
    """
    if not (wrong := node.uncertainty):
        return None
    start, end = node.start - wrong, node.end + wrong
    exact = next((above for above in node.ancestors() if not above.uncertainty), None)
    if exact is not None:
        start, end = max(start, exact.start), min(end, exact.end)
    return place(start, end, trace, whole)


def event_tick(node: Node, event: Event, trace: Trace, whole: float) -> Tick:
    """An event; it was moved with its span, where that span's clock was wrong."""
    moved = min(max(event.time + node.start - node.span.start, node.start), node.end)
    x, _ = place(moved, moved, trace, whole)
    return Tick(x, f"{duration((moved - trace.start) / 1e9)} {short(event.name)}")


def title(node: Node) -> tuple[str, str]:
    """The kind of a span, where its name tells, and the rest of the name, short."""
    name = node.span.name
    kind, _, rest = name.partition(" ")
    if is_sql(node):
        return "SQL", short(text(node.span.attributes, SQL) or rest or name, 120)
    if kind == "middleware":
        last = short(rest.rpartition(".")[2])
        return "" if last.lower().endswith(kind) else kind, last
    return (
        (kind, short(rest)) if kind in ("view", "template", "try") and rest else ("", short(name))
    )


def label(node: Node) -> str:
    """Whose work it is; the client is the client, whatever its program is called."""
    if node.span.hop == Hop.CLIENT:
        return "client"
    return short(text(node.span.resource, "service.name") or node.span.hop or "unknown", 24)


def is_queue(node: Node) -> bool:
    """Whether a request waited for a thread meanwhile."""
    return node.span.hop == Hop.SERVER and node.span.name == "queue"


def ticks(whole: float) -> list[Tick]:
    """Round times on the scale, three to six of them."""
    if whole <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(whole / 6))
    step = next(power * each for each in (1, 2, 5, 10) if whole / (power * each) <= 6)
    count = int(whole / step * (1 + 1e-9))
    return [
        Tick(percent(i * step, whole), "0" if not i else axis(i * step)) for i in range(count + 1)
    ]


def axis(seconds: float) -> str:
    """A round time without digits that say nothing."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1 or unit == "µs":
            break
    return f"{seconds * factor:.10g} {unit}"


def shares(trace: Trace, whole: float) -> list[Share]:
    """From the client on; what a request waited for a thread is a part of its own."""
    took: dict[Part, int] = {}
    wrong: dict[Part, int] = {}
    for node in trace.walk():
        one = part(node)
        took[one] = took.get(one, 0) + node.self_time
        # Where a node is uncertain, so is what is left to whoever waits for it.
        for each in {one, part(node.parent or node)}:
            wrong[each] = max(wrong.get(each, 0), node.uncertainty)
    found, left = [], trace.start
    for one in sorted(took):
        _, served, hop, name = one
        x, width = place(left, left + took[one], trace, whole)
        words = name if served else "queue"
        found.append(Share(hop, words, took[one] / 1e9, x, width, not served, wrong[one] / 1e9))
        left += took[one]
    return found


Part = tuple[int, bool, str, str]
"""The rank of a hop, whether it is more than its queue, its colour, its label."""


def part(node: Node) -> Part:
    """Whose share the time of a node is."""
    hop = node.span.hop if node.span.hop in RANKS else OTHER
    return node.rank, not is_queue(node), hop, label(node)
