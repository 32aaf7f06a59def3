"""One sentence on a trace: where the time went."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lab.tracing.names import CPU_TIME, UPSTREAM_SPLIT, Hop
from lab.tracing.trace import RANKS, Node

WORTH_SAYING = 0.2
"""The part of the whole that the second largest must be, to be named too."""

MOSTLY = 0.5
"""The part of its time from which on a piece of code is said to compute, or else to wait."""

DATABASES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "oracle.db": "Oracle",
}

CLIENT_PHASES = {
    "resolve": "looking up the name",
    "connect": "connecting to the proxy",
    "tls": "shaking hands for TLS",
    "send": "sending the request",
    "receive": "receiving the answer",
}


@dataclass(slots=True)
class Part:
    """Nodes of which one can say the same."""

    words: str
    time: int = 0
    nodes: list[Node] = field(default_factory=list)


def sentence(nodes: Sequence[Node], duration: float, error: str | None) -> str:
    """Such as: 61 ms: 48 ms waiting for SQLite in guestbook.views.index."""
    hops = {node.rank for node in nodes}
    parts: dict[str, Part] = {}
    for node in nodes:
        words = NAMED.get(node.span.hop, in_application)(node, hops)
        part = parts.setdefault(words, Part(words))
        part.time += node.self_time
        part.nodes.append(node)
    said = sorted(parts.values(), key=lambda part: (-part.time, part.words))[:2]
    worth = [part for part in said if part.time and part.time >= WORTH_SAYING * duration * 1e9]
    text = ", ".join(map(phrase, worth or said[:1] if duration else ()))
    whole = in_words(duration) + (f": {text}" if text else "")
    return whole if error is None else f"{whole}; error: {error}"


def in_words(seconds: float) -> str:
    """A duration for people: 1.23 s, 48 ms, 4.2 ms, 0.42 ms."""
    # Rounded first: 9.96 ms are 10 ms, not 10.0.
    ms = float(f"{seconds * 1000:.3g}")
    if ms >= 1000:
        return f"{ms / 1000:.3g} s" if ms < 100_000 else f"{seconds:.0f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{round(ms, 2):.2g} ms"


def phrase(part: Part) -> str:
    """What is said of a part."""
    words = part.words
    if "{}" in words:
        words = words.format(activity(max(part.nodes, key=lambda node: node.self_time)))
    elif is_sql(part.nodes[0]) and len(part.nodes) > 1:
        words += f" ({len(part.nodes)} statements)"
    return f"{in_words(part.time / 1e9)} {words.strip()}"


def in_client(node: Node, hops: set[int]) -> str:
    """A client's span; what it waits for is the network where others said what they did."""
    if node.parent is None:
        return "in the client"
    if node.span.name == "wait":
        alone = hops == {RANKS[Hop.CLIENT]}
        return "waiting for the answer" if alone else "between client and proxy"
    return CLIENT_PHASES.get(node.span.name, "in the client")


def in_proxy(node: Node, hops: set[int]) -> str:
    """A proxy's span; what it waits for is the way to the server where that said what it did."""
    name = str(node.span.resource.get("service.name", "the proxy"))
    attempt = next((n for n in node.ancestors() if UPSTREAM_SPLIT in n.span.attributes), None)
    if attempt is None:
        return f"in {name}"
    address = attempt.span.attributes[UPSTREAM_SPLIT]
    if node.span.name == "connect":
        return f"connecting {name} to {address}"
    below = {each.rank for each in attempt.walk()}  # of several tries one may have had no answer
    if max(below) <= RANKS[Hop.PROXY]:
        return f"waiting for {address}"
    next_hop = "server" if RANKS[Hop.SERVER] in below else "application"
    return f"between {name} and the {next_hop}"


def in_server(node: Node, hops: set[int]) -> str:
    """A server's span."""
    match node.span.name:
        case "queue":
            return "waiting for a thread"
        case "receive":
            return "receiving the request"
        case "application":
            return "{} the application"
    return f"in {node.span.resource.get('service.name', 'the server')}"


def in_application(node: Node, hops: set[int]) -> str:
    """A span of an application, the lab's or anyone's."""
    if is_sql(node):
        system = str(node.span.attributes.get("db.system.name", ""))
        where = place(node)
        return f"waiting for {DATABASES.get(system, system or 'SQL')}" + (
            f" in {where}" if where else ""
        )
    kind, _, rest = node.span.name.partition(" ")
    if kind == "template":
        return f"rendering {rest}"
    return "{} " + (place(node) or str(node.span.resource.get("service.name", "the application")))


NAMED: dict[str, Callable[[Node, set[int]], str]] = {
    Hop.CLIENT: in_client,
    Hop.PROXY: in_proxy,
    Hop.SERVER: in_server,
}
"""What is said of a span, by its hop; ``{}`` stands for `computing in`, `waiting in`, `in`."""


def is_sql(node: Node) -> bool:
    """Whether a span is a statement to a database."""
    return "db.system.name" in node.span.attributes or node.span.name.partition(" ")[0] == "SQL"


def place(node: Node) -> str:
    """The view, else the middleware, that a span of the application is in; empty for none."""
    for above in node.ancestors():
        function = above.span.attributes.get("code.function.name")
        if function:
            return str(function)
        kind, _, rest = above.span.name.partition(" ")
        if kind in ("view", "middleware") and rest:
            return rest
    return ""


def activity(node: Node) -> str:
    """Whether code computed or waited, by the CPU time of the nearest span that tells.

    Whether a statement took CPU of this thread (SQLite) or not (PostgreSQL) is not known; where
    that would decide, neither is claimed.
    """
    teller = next((n for n in node.ancestors() if cpu_time(n) is not None), None)
    if teller is None or teller.rank < RANKS[Hop.SERVER]:
        return "in"
    cpu = cpu_time(teller) or 0.0
    wall = teller.duration
    sql = 0.0
    waiting = list(teller.children)
    while waiting:
        below = waiting.pop()
        known = cpu_time(below)
        if known is not None:
            cpu, wall = cpu - known, wall - below.duration
        elif is_sql(below):
            sql += below.duration
        elif below.span.hop == Hop.SERVER and below.span.name in ("queue", "receive"):
            wall -= below.duration
        else:
            waiting.extend(below.children)
    wall -= sql
    if wall > 0 and cpu - sql >= MOSTLY * wall:
        return "computing in"
    return "waiting in" if cpu < MOSTLY * wall else "in"


def cpu_time(node: Node) -> float | None:
    """Seconds of CPU, where a span tells them."""
    seconds = node.span.attributes.get(CPU_TIME)
    return float(seconds) if isinstance(seconds, int | float) else None
