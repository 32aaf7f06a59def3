"""What a request did inside the application, as it happens: plain lists, and nothing else.

Whatever need not be done while the request waits, such as ids and OTLP, is done later, elsewhere.
"""

from contextvars import ContextVar
from time import monotonic
from typing import Any

NAME, START, END, PARENT, ATTRIBUTES, ERROR = range(6)
"""What is where in a span of ``Recording.spans``."""


class Recording:
    """The spans of one request, in the order in which they began; times in seconds, monotonic."""

    __slots__ = ("attributes", "open", "spans")

    def __init__(self) -> None:
        self.spans: list[list[Any]] = []
        self.open: list[int] = []
        """Indexes of the spans that go on, the innermost last."""
        self.attributes: dict[str, Any] = {}
        """What belongs to the request as a whole, such as http.route."""

    def begin(self, name: str, attributes: dict[str, Any] | None = None) -> int:
        """Begins a span inside the innermost open one; returns its index."""
        spans, open_ = self.spans, self.open
        index = len(spans)
        spans.append([name, monotonic(), 0.0, open_[-1] if open_ else -1, attributes, None])
        open_.append(index)
        return index

    def end(
        self, index: int, attributes: dict[str, Any] | None = None, error: str | None = None
    ) -> None:
        """Ends a span, and any that was left open inside it; one that has ended stays as it is."""
        now = monotonic()
        spans, open_ = self.spans, self.open
        span = spans[index]
        if index not in open_:
            return
        while (last := open_.pop()) != index:
            spans[last][END] = now
        span[END] = now
        if attributes is not None:
            span[ATTRIBUTES] = {**(span[ATTRIBUTES] or {}), **attributes}
        if error is not None:
            span[ERROR] = error


CURRENT: ContextVar[Recording | None] = ContextVar("lab.tracing.CURRENT", default=None)
"""The recording of the request that this thread works on; None: it is not recorded."""
