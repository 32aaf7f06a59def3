"""The bytes at each hop, and what a proxy changed of them, as lines for a terminal."""

from collections.abc import Iterator, Sequence

import click

from lab.trace.waterfall import Paper
from lab.tracing import names
from lab.tracing.changes import Change, Kind, changes
from lab.tracing.names import Hop
from lab.tracing.span import Span

MARKS = {Kind.SAME: " ", Kind.ADDED: "+", Kind.CHANGED: "~", Kind.DROPPED: "-"}
COLOURS = {Kind.SAME: None, Kind.ADDED: "green", Kind.CHANGED: "yellow", Kind.DROPPED: "red"}

SILENT = "the server told no bytes"

# In the order of a request's way.
STATIONS = (
    (Hop.CLIENT, "sent", names.REQUEST_HEAD, names.REQUEST_BODY, names.REQUEST_BODY_SIZE),
    (Hop.SERVER, "received", names.REQUEST_HEAD, names.REQUEST_BODY, names.REQUEST_BODY_SIZE),
    (Hop.SERVER, "sent", names.RESPONSE_HEAD, names.RESPONSE_BODY, names.RESPONSE_BODY_SIZE),
    (Hop.CLIENT, "received", names.RESPONSE_HEAD, names.RESPONSE_BODY, names.RESPONSE_BODY_SIZE),
)


def all_bytes(spans: Sequence[Span], paper: Paper) -> Iterator[str]:
    """Heads and bodies, masked as they are in the spans."""
    for hop, did, head, body, size in STATIONS:
        for span in spans:
            if span.hop == hop and span.attributes.get(head):
                yield ""
                yield paper.paint(f"── the {hop} {did}", hop, bold=True)
                yield from lines(text_of(span, head).rstrip("\r\n"))
                yield from body_lines(text_of(span, body), span.attributes.get(size))
    if not any(
        span.hop == Hop.SERVER and span.attributes.get(names.REQUEST_HEAD) for span in spans
    ):
        yield ""
        yield "the server told no bytes"


def text_of(span: Span, name: str) -> str:
    """An attribute of bytes: one character for each."""
    return str(span.attributes.get(name, ""))


def body_lines(body: str, size: object) -> Iterator[str]:
    """A body of which perhaps only the beginning is known."""
    if body:
        yield ""
        yield from lines(body.removesuffix("\n"))
    if isinstance(size, int) and size > len(body):
        yield f"  ({size} bytes in all)"


def lines(text: str) -> Iterator[str]:
    """Bytes as lines that do nothing to a terminal: what is no text is escaped."""
    try:
        decoded = text.encode("latin-1").decode()
    except UnicodeError:  # no UTF-8, or cut within a character
        decoded = text
    for line in decoded.replace("\r\n", "\n").split("\n"):
        yield "  " + "".join(
            c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line
        )


def differences(spans: Sequence[Span], paper: Paper) -> Iterator[str]:
    """What became of the heads between client and server, there and back."""
    ways = (
        ("request: client → server", Hop.CLIENT, Hop.SERVER, names.REQUEST_HEAD),
        ("answer: server → client", Hop.SERVER, Hop.CLIENT, names.RESPONSE_HEAD),
    )
    for title, source, target, attribute in ways:
        before, after = (head_of(spans, hop, attribute) for hop in (source, target))
        yield ""
        yield paper.strong(f"── {title}")
        if before and after:
            for change in changes(before, after):
                yield change_line(change, paper)
        else:
            yield f"  {SILENT}"


def head_of(spans: Sequence[Span], hop: Hop, attribute: str) -> bytes:
    """A head as the first span of a hop has it; empty where none has."""
    heads = (text_of(span, attribute) for span in spans if span.hop == hop)
    return next(filter(None, heads), "").encode("latin-1", "replace")


def change_line(change: Change, paper: Paper) -> str:
    """One line of a head."""
    name = f"{change.name}: " if " " not in change.name else ""
    match change.kind:
        case Kind.CHANGED:
            value = f"{change.before}  →  {change.after}"
        case Kind.DROPPED:
            value = change.before
        case _:
            value = change.after
    text = next(lines(f"{name}{value}".replace("\n", " ")))[2:]
    line = f"{MARKS[change.kind]} {text}"
    colour = COLOURS[change.kind]
    return click.style(line, fg=colour) if paper.colour and colour else line
