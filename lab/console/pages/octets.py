"""The bytes of a request at each hop, as far as the hops told them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.console.pages.facts import teller
from lab.console.pages.reading import number, readable, text
from lab.console.pages.units import size
from lab.tracing import names
from lab.tracing.changes import Change, Kind, changes
from lab.tracing.names import Hop
from lab.tracing.trace import Trace


@dataclass(frozen=True, slots=True)
class Body:
    """The beginning of a body, or all of it."""

    text: str
    note: str
    """How much it is, and how much of it is here."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one hop sent or received."""

    title: str
    octets: bytes
    """Of the head."""
    body: Body | None
    told: bool

    @property
    def head(self) -> str:
        """As people can read it."""
        return readable(self.octets.replace(b"\r\n", b"\n").rstrip(b"\n").decode("latin-1"))


@dataclass(frozen=True, slots=True)
class Passage:
    """A message that went through the proxy: on the side where it came from, and behind it."""

    title: str
    before: Side
    after: Side
    lines: Sequence[Change]
    """Each line of the head on one side or both; empty where only one side is known."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.before, self.after

    @property
    def counts(self) -> list[tuple[Kind, int]]:
        """How many lines were changed, added, dropped."""
        kinds = [line.kind for line in self.lines]
        return [(kind, kinds.count(kind)) for kind in Kind if kind != Kind.SAME and kind in kinds]

    @property
    def same_body(self) -> bool:
        """Whether it came through as it was, as far as it is here."""
        return self.before.body == self.after.body


def passages(trace: Trace) -> list[Passage]:
    """The request and the answer; those of which nothing is known are left out."""
    asked = (names.REQUEST_HEAD, names.REQUEST_BODY, names.REQUEST_BODY_SIZE)
    answered = (names.RESPONSE_HEAD, names.RESPONSE_BODY, names.RESPONSE_BODY_SIZE)
    found = [
        passage(
            "The request",
            side(trace, Hop.CLIENT, "the client sent", *asked),
            side(trace, Hop.SERVER, "the server received", *asked),
        ),
        passage(
            "The answer",
            side(trace, Hop.SERVER, "the server sent", *answered),
            side(trace, Hop.CLIENT, "the client got", *answered),
        ),
    ]
    return [each for each in found if each.before.told or each.after.told]


def side(trace: Trace, hop: Hop, title: str, head: str, body: str, whole: str) -> Side:
    """What a hop says of a message; the proxy's tries may have reached several servers."""
    node = teller(trace, hop, (head, body))
    if node is None:
        return Side(title, b"", None, told=False)
    said = node.span.attributes
    beginning = content(text(said, body), number(said, whole))
    return Side(title, text(said, head).encode("latin-1", "replace"), beginning, told=True)


def content(octets: str, whole: float | None) -> Body | None:
    """A body as it can be shown; None for an empty one."""
    if not octets and not whole:
        return None
    if whole is None or whole <= len(octets):
        return Body(readable(octets), size(len(octets)))
    return Body(readable(octets), f"the first {size(len(octets))} of {size(whole)}")


def passage(title: str, before: Side, after: Side) -> Passage:
    """Two sides beside each other."""
    return Passage(title, before, after, lines(before.octets, after.octets))


def lines(before: bytes, after: bytes) -> list[Change]:
    """What became of each line, readable."""
    if not before or not after:
        return []
    return [
        Change(each.kind, *map(readable, (each.name, each.before, each.after)))
        for each in changes(before, after)
    ]
