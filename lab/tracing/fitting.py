"""Makes the times of a tree agree: a child lies within its parent.

Three things are wrong with times as they come.  A clock of another machine is off: the whole of
what it measured is moved.  nginx counts in milliseconds: within that its times give way to those
of its neighbours, which are exact.  And a server may still tidy up when the client has its answer:
that is cut off.
"""

from collections.abc import Sequence

from lab.tracing.names import Hop
from lab.tracing.trace import Node

JITTER = 1_000_000
"""Nanoseconds.  So much is no other clock: two processes of one machine do not read it quite alike
while it is being adjusted."""


def fit(nodes: Sequence[Node]) -> None:
    """Sets the times of all nodes, which stand before their children, and sorts these."""
    for node in nodes:
        if node.parent is not None:
            set_clock(node, node.parent)
    for node in reversed(nodes):
        give_way(node)
    for node in nodes:
        if node.parent is not None:
            keep_within(node, node.parent)
    for node in nodes:
        node.children.sort(key=by_time)


def by_time(node: Node) -> tuple[int, int, int, str]:
    """The order of siblings: of two that began at once, the one that was done first."""
    return node.start, node.end, node.span.start, node.span.span_id


def set_clock(node: Node, parent: Node) -> None:
    """Moves a node as its parent was moved, and by what its own clock is wrong."""
    moved = parent.start - parent.span.start
    node.start, node.end = node.start + moved, node.end + moved
    slack = node.uncertainty + parent.uncertainty + JITTER
    if same_clock(node, parent) or parent.start - slack <= node.start <= parent.end + slack:
        return
    # It cannot have begun before it was asked, nor after the answer.  How long it took to get there
    # nobody knows: as long as the way back, by NTP's assumption.
    spare = (parent.end - parent.start) - (node.end - node.start)
    wrong = parent.start + max(0, spare // 2) - node.start
    node.start, node.end = node.start + wrong, node.end + wrong


def same_clock(node: Node, parent: Node) -> bool:
    """Whether both were measured by one process, as far as they say."""
    return node.span.hop == parent.span.hop and node.span.resource == parent.span.resource


def give_way(node: Node) -> None:
    """Widens a node of uncertain times to hold its children, as far as it may be wrong."""
    if node.children and (wrong := node.uncertainty):
        first = min(child.start for child in node.children)
        last = max(child.end for child in node.children)
        node.start = min(node.start, max(node.start - wrong, first))
        node.end = max(node.end, min(node.end + wrong, last))


def sending(client: Node) -> int | None:
    """When a client began to send, before which nobody can have got anything; None if not told."""
    steps = [child for child in client.children if child.span.name == "send"]
    return steps[0].start if steps and client.span.hop == Hop.CLIENT else None


def keep_within(node: Node, parent: Node) -> None:
    """Cuts off what sticks out; what began or ended with an uncertain parent still does."""
    start, end = node.start, node.end
    if node.uncertainty and same_clock(node, parent):
        start = parent.start if node.span.start == parent.span.start else start
        end = parent.end if node.span.end == parent.span.end else end
    if node.uncertainty and (sent := sending(parent)) is not None:
        start = max(start, min(sent, start + node.uncertainty))
    node.start = min(max(start, parent.start), parent.end)
    node.end = max(node.start, min(end, parent.end))
