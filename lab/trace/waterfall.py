"""A trace as lines for a terminal: each span's name, its bar in time, its milliseconds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from lab.tracing.names import UNKNOWN, Hop
from lab.tracing.trace import Node, Trace

COLOURS = {  # as the lines of `lab up` have them
    Hop.CLIENT: "yellow",
    Hop.PROXY: "cyan",
    Hop.SERVER: "green",
    Hop.APPLICATION: "magenta",
}
HOP_WIDTH = len(Hop.APPLICATION)
TIME_WIDTH = len("±1 1234.5")
FIRST = ("resolve", "connect", "tls", "send")
"""Steps of a client, before anybody else can have done anything."""
NARROWEST_BAR, NARROWEST_NAME = 10, 16
NAME_SHARE = 0.55
"""The part that names may take at most, of what they share with the bars."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: columns, whether it takes colours, and more than ASCII."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    @property
    def waiting(self) -> str:
        """What bars of waiting are made of."""
        return "▒" if self.unicode else "?"

    def paint(self, text: str, hop: str, bold: bool = False) -> str:
        """A text in the colour of a hop."""
        known = {hop.value: colour for hop, colour in COLOURS.items()}
        return click.style(text, fg=known.get(hop), bold=bold or None) if self.colour else text

    def strong(self, text: str) -> str:
        """A text that stands out."""
        return click.style(text, bold=True) if self.colour else text

    def warn(self, text: str) -> str:
        """A text that says what is wrong, or long."""
        return click.style(text, fg="red", bold=True) if self.colour else text


def waterfall(trace: Trace, paper: Paper) -> Iterator[str]:
    """The lines of a trace, the sentence first."""
    nodes = list(in_order(trace.roots))
    yield paper.strong(printable(trace.sentence))
    yield ""
    room = paper.width - HOP_WIDTH - TIME_WIDTH - 3
    longest = max(len(label(node)) for node in nodes)
    names = min(longest, max(NARROWEST_NAME, int(room * NAME_SHARE)))
    bars = max(NARROWEST_BAR, room - names)
    yield "ms".rjust(HOP_WIDTH + names + bars + TIME_WIDTH + 3)
    for node in nodes:
        yield row(node, trace, paper, names, bars)
        if node.span.error is not None and not any(c.span.error for c in node.children):
            error = f"! {printable(node.span.error)}"
            yield " " * (HOP_WIDTH + 1 + depth(node)) + paper.warn(error)
    notes = list(footnotes(nodes, paper))
    yield from ["", *notes] if notes else []


def in_order(nodes: Iterable[Node]) -> Iterator[Node]:
    """Nodes and all below them, as one reads them."""
    for node in siblings(nodes):
        yield node
        yield from in_order(node.children)


def siblings(nodes: Iterable[Node]) -> list[Node]:
    """Nodes of one parent, by time; nginx, which counts in ms, not before what led to it."""
    return sorted(nodes, key=lambda node: (node.span.name not in FIRST, node.start, node.end))


def row(node: Node, trace: Trace, paper: Paper, names: int, bars: int) -> str:
    """One line."""
    hop = node.span.hop
    waited = is_queue(node)
    first = is_first(node)
    name = paper.paint(shorten(label(node), names).ljust(names), hop, bold=first)
    times = milliseconds(node).rjust(TIME_WIDTH)
    drawn = bar(node, trace, paper, bars)
    return " ".join(
        [
            paper.paint((hop if first else "").ljust(HOP_WIDTH), hop),
            name,
            paper.warn(drawn) if waited else paper.paint(drawn, hop),
            paper.warn(times) if waited else times,
        ]
    )


def is_first(node: Node) -> bool:
    """Whether a hop begins with it."""
    return node.parent is None or node.parent.span.hop != node.span.hop


def is_queue(node: Node) -> bool:
    """Whether a request waited here for a thread."""
    return node.span.hop == Hop.SERVER and node.span.name == "queue"


def depth(node: Node) -> int:
    """How many stand above it."""
    return sum(1 for _ in node.ancestors()) - 1


def label(node: Node) -> str:
    """A span's name, indented as deep as it lies.

    Of a middleware the class alone: that names of this length stand in a line matters more.
    """
    name = printable(node.span.name)
    kind, _, dotted = name.partition(" ")
    return " " * depth(node) + (dotted.rpartition(".")[2] if kind == "middleware" else name)


def printable(text: str) -> str:
    """A text of somebody else's, that does nothing to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten(text: str, width: int) -> str:
    """A text in so many columns: its indentation stays, and more of its end than its beginning."""
    if len(text) <= width:
        return text
    name = text.lstrip()
    room = max(4, width - (len(text) - len(name)))
    tail = room * 2 // 3 - 1
    return (text[: len(text) - len(name)] + name[: room - 2 - tail] + ".." + name[-tail:])[:width]


def milliseconds(node: Node) -> str:
    """A duration in ms with three digits, and its uncertainty."""
    text = number(node.duration)
    return f"±{node.uncertainty / 1e6:.0f} {text}" if node.uncertainty else text


def number(seconds: float) -> str:
    """Seconds in ms, with three digits that count, never finer than 1 µs."""
    ms = seconds * 1000
    digits = 3 if ms < 1 else 2 if ms < 10 else 1 if ms < 1000 else 0
    return f"{ms:.{digits}f}"


def bar(node: Node, trace: Trace, paper: Paper, width: int) -> str:
    """When a span was at work, within the whole; never quite nothing."""
    whole = max(1, round(trace.duration * 1e9))
    halves = 2 * width
    start = min((node.start - trace.start) * halves // whole, halves - 1)
    end = max(start + 1, min(halves, -((trace.start - node.end) * halves // whole)))
    full, left, right = "█▌▐" if paper.unicode else "###"
    if is_queue(node):
        full = left = right = paper.waiting
    cells = []
    for cell in range(width):
        first, second = start <= 2 * cell < end, start <= 2 * cell + 1 < end
        cells.append(full if first and second else left if first else right if second else " ")
    return "".join(cells)


def footnotes(nodes: Sequence[Node], paper: Paper) -> Iterator[str]:
    """What one has to know to read it."""
    if any(map(is_queue, nodes)):
        yield f"{paper.waiting}: ready, and waiting for a thread"
    uncertain = {service(node): node.uncertainty for node in nodes if node.uncertainty}
    for name, nanoseconds in uncertain.items():
        yield f"±{nanoseconds / 1e6:.0f}: {name} counts in whole milliseconds"
    for node in nodes:
        unknown = node.span.attributes.get(UNKNOWN, ())
        for text in unknown if isinstance(unknown, list | tuple) else (unknown,):
            yield f"{service(node)} does not tell: {printable(str(text))}"


def service(node: Node) -> str:
    """What a span's process calls itself."""
    return printable(str(node.span.resource.get("service.name", node.span.hop)))
