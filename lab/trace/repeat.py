"""Several traces of the same request: the median of each of their spans."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from lab.trace.waterfall import HOP_WIDTH, Paper, is_first, label, number, shorten, siblings
from lab.tracing.trace import Node, Trace

FIGURE = 10
"""Columns of a figure."""
SOME = 13
"""Columns for the traces in which a span is."""


@dataclass(slots=True)
class Place:
    """The same span in several traces, and what lies below it.

    The same are those of the same name below the same one; of siblings, the first and the first.
    """

    nodes: list[Node] = field(default_factory=list)
    below: dict[tuple[str, int], "Place"] = field(default_factory=dict)

    def take(self, children: Sequence[Node]) -> None:
        """Adds what lies below in one more trace."""
        seen: Counter[str] = Counter()
        for node in siblings(children):
            name = node.span.name
            place = self.below.setdefault((name, seen[name]), Place())
            seen[name] += 1
            place.nodes.append(node)
            place.take(node.children)

    def walk(self) -> Iterator["Place"]:
        """All below it, each before its own."""
        for place in self.below.values():
            yield place
            yield from place.walk()


def summary(traces: Sequence[Trace], paper: Paper) -> Iterator[str]:
    """A line for each span: median, least and most of its milliseconds."""
    top = Place()
    for trace in traces:
        top.take(trace.roots)
    has_some = any(len(place.nodes) != len(traces) for place in top.walk())
    names = max(16, paper.width - HOP_WIDTH - 1 - 3 * FIGURE - (SOME if has_some else 0))
    whole = number(median(trace.duration for trace in traces))
    yield paper.strong(f"{len(traces)} requests, median {whole} ms")
    yield ""
    titles = "".join(title.rjust(FIGURE) for title in ("median ms", "min", "max"))
    yield " " * (HOP_WIDTH + 1 + names) + titles
    for place in top.walk():
        node = place.nodes[0]
        hop, first = node.span.hop, is_first(node)
        name = shorten(label(node), names).ljust(names)
        times = [node.duration for node in place.nodes]
        figures = "".join(number(of(times)).rjust(FIGURE) for of in (median, min, max))
        some = f"  in {len(times)} of {len(traces)}" if len(times) != len(traces) else ""
        start = paper.paint((hop if first else "").ljust(HOP_WIDTH), hop)
        yield f"{start} {paper.paint(name, hop, bold=first)}{figures}{some}"
