"""What is written down of one request while it is served: plain lists and numbers, nothing more.

It is packed (packing.py) once the answer is out; what takes longer, such as names of attributes,
ids and OTLP, is left to the collector.  Times are ``time.monotonic_ns()``.
"""

import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from time import monotonic_ns
from typing import Any, NamedTuple

from lab.tracing.context import TraceContext, new_id, parse_ids
from lab.tracing.span import Value

NAME, START, END, PARENT, ATTRIBUTES, ERROR = range(6)
"""What is where in a span of ``Recording.spans``; the last two may be None."""

MOST_SPANS = 1000
"""Of one request; an application that asks its database in a loop could make any number."""

Attributes = dict[str, Value]

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
    """What happened, and when."""
    attributes: Attributes
    error: str | None = None
    octets: tuple[bytes, bytes, bytes] | None = None
    """As received and sent: the request's head, its body, and the answer's head with its body."""


class Recording:
    """One request in this process; begun and ended by one thread at a time."""

    __slots__ = (
        "attributes",
        "environ",
        "error",
        "lost",
        "open",
        "parent_id",
        "responded",
        "server",
        "spans",
        "status",
        "trace_id",
    )

    def __init__(self, trace_id: str = "", parent_id: str = "") -> None:
        self.trace_id = trace_id or new_id(16)
        self.parent_id = parent_id
        self.environ: dict[str, Any] = {}
        self.spans: list[list[Any]] = []
        """Each as NAME and those behind it say; PARENT is -1 for the outermost."""
        self.open: list[int] = []
        """Numbers of the spans that go on, the innermost last."""
        self.lost = 0
        """Spans past MOST_SPANS."""
        self.attributes: Attributes = {}
        """Of the request as a whole, such as ``http.route``."""
        self.status = ""
        self.responded = 0
        """When ``start_response`` was called."""
        self.error: str | None = None
        self.server: Callable[[Recording], ServerPart] | None = None
        """Tells the server's part, when the recording is packed; None: nobody can."""

    def begin(self, name: str, attributes: Attributes | None = None) -> int:
        """Begins a span within the innermost open one; returns its number for ``end``."""
        spans, going_on = self.spans, self.open
        index = len(spans)
        if index >= MOST_SPANS:
            self.lost += 1
            return -1
        spans.append([name, monotonic_ns(), 0, going_on[-1] if going_on else -1, attributes, None])
        going_on.append(index)
        return index

    def end(
        self, index: int, attributes: Attributes | None = None, error: str | None = None
    ) -> None:
        """Ends a span, and what was left open within it; one that has ended stays as it is."""
        now = monotonic_ns()
        going_on = self.open
        if index not in going_on:
            return
        while (last := going_on.pop()) != index:
            self.spans[last][END] = now
        span = self.spans[index]
        span[END] = now
        if attributes is not None:
            span[ATTRIBUTES] = (
                attributes if span[ATTRIBUTES] is None else {**span[ATTRIBUTES], **attributes}
            )
        if error is not None:
            span[ERROR] = error


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
