"""What there is to know of one span, and of the whole, beside its times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.console.pages.reading import number, short, shown, text, texts
from lab.console.pages.units import clock, coarse, duration, size
from lab.console.pages.waterfall import label
from lab.tracing import names
from lab.tracing.names import Hop
from lab.tracing.sentence import is_sql
from lab.tracing.span import Value
from lab.tracing.trace import Node, Trace

Fact = tuple[str, str]
"""What, and how much."""

LONGEST = 2000
"""Characters of a value; the export has it whole."""

ELSEWHERE = {
    names.HOP,
    names.REQUEST_HEAD,
    names.REQUEST_BODY,
    names.RESPONSE_HEAD,
    names.RESPONSE_BODY,
    names.ENVIRON,
    names.UNKNOWN,
    names.CPU_TIME,
    names.UNCERTAINTY,
    names.SQL,
}
"""Attributes that have a place of their own on the page."""

SERVER_FACTS = {
    names.SOFTWARE: "server",
    names.MODEL: "concurrency model",
    "process.pid": "worker (process)",
    "thread.name": "thread",
    "thread.id": "thread id",
    names.THREADS_BUSY: "threads busy then",
    names.THREADS_WAITING: "threads waiting then",
    names.QUEUE_LENGTH: "requests in the queue then",
    names.CONNECTION_REQUESTS: "request number on its connection",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement."""

    row: str
    """The id of its span."""
    text: str
    rows: str
    lasts: str
    times: int
    """How often the same text was sent in this request."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a piece of work took: of its time, how much on a CPU."""

    what: str
    wall: str
    cpu: str
    percent: int


def of_node(node: Node, trace: Trace) -> list[Fact]:
    """The times of a span."""
    facts = [
        ("began", f"{duration((node.start - trace.start) / 1e9)} after the first"),
        ("took", coarse(node.duration) if node.uncertainty else duration(node.duration)),
    ]
    if node.children:
        facts.append(("of it, nobody farther worked", duration(node.self_time / 1e9)))
    if (cpu := number(node.span.attributes, names.CPU_TIME)) is not None:
        facts.append(("on a CPU", duration(cpu)))
    if node.uncertainty:
        facts.append(("known to", f"±{duration(node.uncertainty / 1e9)}"))
    if node.span.error is not None:
        facts.append(("failed", short(node.span.error or "without a reason", LONGEST)))
    return facts


def attributes(node: Node) -> list[Fact]:
    """What a span says beyond that, under the names that OpenTelemetry has for it."""
    span = node.span
    said: list[Fact] = [("span id", span.span_id)]
    for holder in (span.attributes, span.resource):
        said += [
            (short(name), short(shown(value), LONGEST))
            for name, value in sorted(holder.items())
            if name not in ELSEWHERE
        ]
    return said


def events(node: Node, trace: Trace) -> list[Fact]:
    """When each of a span's events was, from the trace's start."""
    moved = node.start - node.span.start - trace.start
    return [
        (short(event.name), duration((event.time + moved) / 1e9))
        for event in sorted(node.span.events, key=lambda event: event.time)[:200]
    ]


def teller(trace: Trace, hop: Hop, holding: Sequence[str] = ()) -> Node | None:
    """The span of a hop that has one of some attributes, and that began its work.

    Of several servers that the proxy tried it is the last's: the client got its answer.  Where
    several requests have one trace id it is the first one's.
    """
    for root in trace.roots:
        found = [
            node
            for node in root.walk()
            if node.span.hop == hop
            and (any(n in node.span.attributes for n in holding) or not holding)
            and (node.parent is None or node.parent.span.hop != hop)
        ]
        if found:
            return found[-1]
    return None


def of_server(trace: Trace) -> list[Fact]:
    """Which worker and thread served it, how busy these were, and its connection."""
    node = teller(trace, Hop.SERVER)
    if node is None:
        return []
    said: Mapping[str, Value] = {**node.span.resource, **node.span.attributes}
    facts = [
        (what, short(shown(said[name]))) for name, what in SERVER_FACTS.items() if name in said
    ]
    if (age := number(said, names.CONNECTION_AGE)) is not None:
        facts.append(("age of its connection", duration(age)))
    if trace.queue:
        facts.insert(0, ("waited for a thread", duration(trace.queue)))
    return facts


def usages(trace: Trace) -> list[Usage]:
    """CPU beside wall time of each hop that tells, from its outermost span."""
    found: dict[str, Usage] = {}
    for node in trace.walk():
        cpu = number(node.span.attributes, names.CPU_TIME)
        if cpu is None or node.duration <= 0 or node.span.hop in found:
            continue
        part = round(100 * min(1.0, max(0.0, cpu / node.duration)))
        found[node.span.hop] = Usage(label(node), duration(node.duration), duration(cpu), part)
    return [*found.values()]


def unknown(trace: Trace) -> list[str]:
    """What the server, or the lab inside it, says that it cannot tell."""
    said: dict[str, None] = {}
    for node in trace.walk():
        said.update(dict.fromkeys(map(short, texts(node.span.attributes, names.UNKNOWN))))
    return [*said]


def statements(trace: Trace) -> list[Statement]:
    """Every SQL statement, in the order in which they were sent."""
    nodes = [node for node in trace.walk() if is_sql(node)]
    said = [text(node.span.attributes, names.SQL) or node.span.name for node in nodes]
    return [
        Statement(
            node.span.span_id,
            short(each, LONGEST),
            text(node.span.attributes, names.SQL_ROWS),
            duration(node.duration),
            said.count(each),
        )
        for node, each in zip(nodes[:500], said, strict=False)
    ]


def summary(trace: Trace) -> list[Fact]:
    """Of the whole."""
    facts = [("began", clock(trace.start) + " UTC")]
    for name, what in (
        (names.REQUEST_BODY_SIZE, "body sent"),
        (names.RESPONSE_BODY_SIZE, "body received"),
    ):
        told = (number(node.span.attributes, name) for node in trace.walk())
        if octets := next((each for each in told if each is not None), 0):
            facts.append((what, size(octets)))
    return facts
