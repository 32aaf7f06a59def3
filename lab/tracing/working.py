"""Who worked when: shares the time of a trace out among its nodes."""

import heapq
from collections.abc import Sequence
from itertools import pairwise

from lab.tracing.trace import Node


def share_out(nodes: Sequence[Node]) -> None:
    """Sets ``self_time`` of all nodes, which stand before their children.

    Of those at work at one moment the one farthest from the client has it: the hop decides, since
    the phases of a hop (nginx's `wait`) go on beside what the next one does; then the depth.
    """
    depths: dict[Node, int] = {}
    for node in nodes:
        node.self_time = 0
        depths[node] = depths[node.parent] + 1 if node.parent in depths else 0
    starts = sorted(range(len(nodes)), key=lambda i: nodes[i].start)
    moments = sorted({moment for node in nodes for moment in (node.start, node.end)})
    working: list[tuple[int, int, int]] = []
    next_up = 0
    for moment, until in pairwise(moments):
        while next_up < len(starts) and nodes[starts[next_up]].start <= moment:
            i = starts[next_up]
            heapq.heappush(working, (-nodes[i].rank, -depths[nodes[i]], i))
            next_up += 1
        while working and nodes[working[0][2]].end <= moment:
            heapq.heappop(working)
        if working:
            nodes[working[0][2]].self_time += until - moment
