"""Whose child each span is, where a hop is missing, came twice, or tells nonsense.

A span names its parent by an id.  Where that span never came, the nearest hop above that was at
work then stands in for it.  And nginx cannot tell a server which of its tries it is, so a server's
span names the whole of nginx: it is put below the try that reached it.
"""

import json
from collections.abc import Iterable

from lab.tracing.names import Hop
from lab.tracing.span import CLIENT, INTERNAL, SERVER, Span, encode_span
from lab.tracing.trace import Node


def tree(spans: Iterable[Span]) -> list[Node]:
    """The nodes of all spans, linked, each with its span's times; children are in no order yet.

    The same spans give the same tree, in whichever order and however often they come.
    """
    nodes = {s.span_id: Node(s, s.start, max(s.start, s.end)) for s in distinct(spans)}
    orphans = []
    for node in nodes.values():
        node.parent = nodes.get(node.span.parent_id)
        if node.span.parent_id and node.parent is None:
            orphans.append(node)
    orphans += break_cycles(nodes.values())
    for orphan in sorted(orphans, key=lambda node: node.rank):
        orphan.parent = best_parent(orphan, nodes.values())
    for node in nodes.values():
        if node.parent is not None:
            node.parent.children.append(node)
    for node in nodes.values():
        move_below_try(node)
    return [*nodes.values()]


def distinct(spans: Iterable[Span]) -> list[Span]:
    """One span for each id, by time.  Of two that differ the one that says more is kept."""
    kept: dict[str, Span] = {}
    for span in spans:
        known = kept.get(span.span_id)
        if known is None or (known != span and weight(span) > weight(known)):
            kept[span.span_id] = span
    return sorted(kept.values(), key=lambda span: (span.start, span.span_id))


def weight(span: Span) -> tuple[int, str]:
    """How much a span says; its text decides between equals, so that no order of arrival can."""
    said = json.dumps([encode_span(span), dict(span.resource)], sort_keys=True)
    return len(said), said


def break_cycles(nodes: Iterable[Node]) -> list[Node]:
    """Takes the parent from one node of each circle; those that lost it."""
    freed = []
    settled: set[Node] = set()
    for node in sorted(nodes, key=lambda node: (node.rank, node.start, node.span.span_id)):
        way: dict[Node, None] = {}
        for above in node.ancestors():
            if above in settled:
                break
            if above in way:
                first = min(
                    circle(above), key=lambda each: (each.rank, each.start, each.span.span_id)
                )
                first.parent = None
                freed.append(first)
                break
            way[above] = None
        settled |= way.keys()
    return freed


def circle(node: Node) -> list[Node]:
    """The nodes of the circle that a node is on."""
    found = [node]
    while (above := found[-1].parent) is not None and above is not node:
        found.append(above)
    return found


def best_parent(orphan: Node, nodes: Iterable[Node]) -> Node | None:
    """The nearest hop above it that was at work at that time, whose span is the shortest."""
    candidates = [node for node in nodes if may_adopt(node, orphan)]
    for candidate in sorted(candidates, key=lambda node: fitness(node, orphan), reverse=True):
        if all(above is not orphan for above in candidate.ancestors()):
            return candidate
    return None


def may_adopt(node: Node, orphan: Node) -> bool:
    """Whether a node may stand in for the parent of another."""
    if node is orphan:
        return False
    if node.rank < orphan.rank:
        # Not the phases, such as nginx's `wait`: nobody works on a phase's behalf.
        return node.span.kind in (SERVER, CLIENT) or node.span.name == "application"
    # Two whole requests of one hop are neighbours; but a step of a process belongs to a longer one.
    same_process = node.span.resource == orphan.span.resource and node.rank == orphan.rank
    longer = (node.start, node.end) != (orphan.start, orphan.end) and holds(node, orphan)
    return same_process and longer and orphan.span.kind == INTERNAL


def holds(node: Node, other: Node) -> bool:
    """Whether a node's time has room for another's, as exactly as is known."""
    slack = node.uncertainty + other.uncertainty
    return node.start - slack <= other.start and other.end <= node.end + slack


def fitness(node: Node, orphan: Node) -> tuple[bool, bool, int, int, int, int, str]:
    """What the best parent has most of."""
    overlap = min(node.end, orphan.end) - max(node.start, orphan.start)
    length = node.end - node.start
    return (
        holds(node, orphan),
        overlap >= 0,
        node.rank,
        overlap,
        -length,
        -node.start,
        node.span.span_id,
    )


def move_below_try(node: Node) -> None:
    """Hangs what a proxy's request led to below the try that it came from."""
    whole = node.parent
    if whole is None or whole.span.hop != Hop.PROXY or node.rank <= whole.rank:
        return
    tries = [
        child
        for child in whole.children
        if child.span.hop == Hop.PROXY and child.span.kind == CLIENT
    ]
    if tries:
        whole.children.remove(node)
        node.parent = max(tries, key=lambda each: (overlap_of(each, node), each.start))
        node.parent.children.append(node)


def overlap_of(node: Node, other: Node) -> int:
    """Nanoseconds that both worked, 0 at least."""
    return max(0, min(node.end, other.end) - max(node.start, other.start))
