"""A trace put together: its spans as a tree, with the times that fit, and what it comes to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.tracing.names import UNCERTAINTY, Hop
from lab.tracing.span import CLIENT, Span, Value

RANKS = {hop.value: rank for rank, hop in enumerate(Hop)}
STRANGER = len(RANKS)
"""The rank of a span that says no hop: as far from the client as any."""


@dataclass(slots=True, eq=False)
class Node:
    """A span in its place.  ``start`` and ``end`` (nanoseconds) fit into its parent's; the span's
    own times are untouched."""

    span: Span
    start: int
    end: int
    parent: "Node | None" = field(default=None, repr=False)
    children: list["Node"] = field(default_factory=list)
    self_time: int = 0
    """Nanoseconds in which nothing farther from the client worked; over all nodes they sum up to
    the time in which anything did."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.end - self.start) / 1e9

    @property
    def rank(self) -> int:
        """How far its hop is from the client: 0 is the client."""
        return RANKS.get(self.span.hop, STRANGER)

    @property
    def uncertainty(self) -> int:
        """Nanoseconds by which its span's times may be wrong, either way."""
        seconds = self.span.attributes.get(UNCERTAINTY, 0)
        # More than a second is no rounding; NaN and the like are nothing at all.
        return int(seconds * 1e9) if isinstance(seconds, int | float) and 0 < seconds <= 1 else 0

    def ancestors(self) -> Iterator["Node"]:
        """Itself, its parent, and so on to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def walk(self) -> Iterator["Node"]:
        """Itself and all below it, each before its children, by time."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class Trace:
    """One request on its way; what a hop did not tell is empty, or None."""

    trace_id: str
    roots: list[Node]
    """Usually one; more where several requests carry the same trace id."""
    start: int
    """Nanoseconds since 1970."""
    duration: float
    """Seconds from the first start to the last end."""
    method: str
    path: str
    status: int | None
    """What the client got."""
    server: str
    """Its software, such as paceline/0.1.0."""
    error: str | None
    queue: float
    """Seconds that it was ready and had no thread."""
    sentence: str
    """Where the time went, for people."""

    def walk(self) -> Iterator[Node]:
        """Every node, each before its children, by time."""
        for root in self.roots:
            yield from root.walk()

    @property
    def hops(self) -> list[str]:
        """The hops that spoke, from the client on."""
        return sorted({node.span.hop for node in self.walk()} & RANKS.keys(), key=RANKS.__getitem__)


def path_of(url: Value) -> str:
    """The path of a URL; empty where it is none."""
    try:
        return urlsplit(str(url)).path or "/"
    except ValueError:
        return ""


def has_failed(span: Span) -> bool:
    """Whether an error of a span is one of its request.

    What a client asked for wrongly is its own affair (4xx, but not nginx's 499: it left).  After a
    try that failed a proxy asks the next; where none answers, the span of the whole says so.
    """
    status = span.attributes.get("http.response.status_code")
    asked_wrongly = isinstance(status, int) and 400 <= status < 499
    is_try = span.hop == Hop.PROXY and span.kind == CLIENT
    return span.error is not None and not asked_wrongly and not is_try
