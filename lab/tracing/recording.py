"""What is written down of one request while it is served: a list of names and times, little more.

It is packed (packing.py) once the answer is out; what takes longer, such as names of attributes,
ids and OTLP, is left to the collector.  Times are ``time.monotonic_ns()``.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from time import monotonic_ns
from typing import Any, NamedTuple

from lab.tracing.context import TraceContext, new_id, parse_ids
from lab.tracing.span import Value

Attributes = dict[str, Value]

Row = tuple[Any, ...]
"""A ServerPart in shorter, as seen.py has it."""

Tape = list[str | int]
"""Beginnings and ends of spans in their order, each as two items: the name of a span and when it
began, or the place on the tape where it began and when it ended."""

MOST_SPANS = 1000
"""Of one request, about; an application that asks its database in a loop could make any number."""
LONGEST_TAPE = 4 * MOST_SPANS

MODE = os.environ.get("LAB_TRACE", "all")
CAPTURE = 0 if os.environ.get("LAB_TRACE_BYTES") == "off" else 4096
"""Bytes of a body that go into a span; 0: no head, body or environ does."""


class ServerPart(NamedTuple):
    """What the server can tell of a request."""

    software: str
    """Its ``service.name``."""
    start: int
    end: int
    steps: Sequence[tuple[str, int, int]]
    """Name, start and end of its children; ``application`` is the parent of what is recorded."""
    events: Sequence[tuple[str, int]]
    """What happened, and when; 0: it did not."""
    attributes: Attributes
    error: str | None = None


Octets = tuple[bytes, bytes, bytes]
"""As received and sent: the request's head, its body, and the answer's head with its body."""


class RecordedSpan(NamedTuple):
    """One span, as a tape tells it."""

    name: str
    start: int
    end: int
    """0: it goes on."""
    parent: int
    """The number of the span that it stands in; -1: of none."""
    attributes: Attributes | None
    error: str | None


class Details:
    """What more is known of a span than its name and its times."""

    __slots__ = ("attributes", "error")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.error: str | None = None


class Recording:
    """One request in this process; begun and ended by one thread at a time."""

    __slots__ = (
        "attributes",
        "details",
        "environ",
        "error",
        "lost",
        "parent_id",
        "rendering",
        "responded",
        "server",
        "status",
        "tape",
        "trace_id",
    )

    def __init__(self, trace_id: str = "", parent_id: str = "") -> None:
        self.trace_id = trace_id or new_id(16)
        self.parent_id = parent_id
        self.environ: dict[str, Any] = {}
        self.tape: Tape = []
        self.details: dict[int, Details] = {}
        """Of those spans that have some, by the place where they begin."""
        self.rendering = False
        """Whether a template is being rendered."""
        self.lost = 0
        """Spans past LONGEST_TAPE."""
        self.attributes: Attributes = {}
        """Of the request as a whole, such as ``http.route``."""
        self.status = ""
        self.responded = 0
        """When ``start_response`` was called."""
        self.error: str | None = None
        self.server: Callable[[], tuple[ServerPart | Row, Octets]] | None = None
        """Tells the server's part, when the recording is packed; None: nobody can."""

    def begin(self, name: str, attributes: Attributes | None = None) -> int:
        """Begins a span within the innermost open one; returns its place for ``end``."""
        tape = self.tape
        place = len(tape)
        if place >= LONGEST_TAPE:
            self.lost += 1
            return -1
        tape += name, monotonic_ns()
        if attributes is not None:
            self.details[place] = Details(attributes)
        return place

    def end(
        self, place: int, attributes: Attributes | None = None, error: str | None = None
    ) -> None:
        """Ends a span, and what was left open within it; one that has ended stays as it is."""
        if place < 0:
            return
        self.tape += place, monotonic_ns()
        if attributes is not None or error is not None:
            details = self.details.setdefault(place, Details({}))
            details.attributes.update(attributes or {})
            details.error = error

    @property
    def spans(self) -> list[RecordedSpan]:
        """All spans, in the order of their beginnings."""
        details = {place: (each.attributes, each.error) for place, each in self.details.items()}
        return read(self.tape, details)


def read(tape: Tape, details: Mapping[int, tuple[Attributes, str | None]]) -> list[RecordedSpan]:
    """The spans on a tape, in the order of their beginnings.

    Raises LookupError, TypeError or ValueError for what is no tape.
    """
    spans: list[RecordedSpan] = []
    numbers: dict[int, int] = {}
    going_on: list[int] = []  # places where spans began, the innermost last
    for place, (what, moment) in enumerate(zip(tape[::2], tape[1::2], strict=True)):
        if isinstance(what, str):
            parent = numbers[going_on[-1]] if going_on else -1
            numbers[2 * place] = len(spans)
            going_on.append(2 * place)
            said = details.get(2 * place, (None, None))
            spans.append(RecordedSpan(what, int(moment), 0, parent, *said))
        elif what in going_on:
            while (last := going_on.pop()) != what:
                spans[numbers[last]] = spans[numbers[last]]._replace(end=int(moment))
            spans[numbers[what]] = spans[numbers[what]]._replace(end=int(moment))
    return spans


HEALTH = "/healthz"

CURRENT: ContextVar[Recording | None] = ContextVar("CURRENT", default=None)
"""The recording of the request that this thread (or task) serves."""


def is_wanted(environ: dict[str, Any]) -> bool:
    """Whether a request is to be recorded: all, or those whose client says so (LAB_TRACE).

    Of those who ask for the application's health, every few seconds and past nginx too, the client
    always has to say so, as with nginx.
    """
    if MODE != "sampled" and environ.get("PATH_INFO") != HEALTH:
        return True
    traceparent = environ.get("HTTP_TRACEPARENT")
    if traceparent is None or traceparent[54:55] in "02468ace":  # the last digit of the flags
        return False
    context = TraceContext.parse(traceparent)
    return context is not None and context.sampled


def record(environ: dict[str, Any]) -> Recording:
    """A recording that goes on with the trace that a request belongs to, or begins one."""
    ids = parse_ids(environ.get("HTTP_TRACEPARENT", ""))
    return Recording(ids[0], ids[1]) if ids else Recording()
