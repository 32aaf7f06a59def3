"""What becomes of spans that came in: they are kept, and passed on where that is wanted."""

import json
from collections.abc import Iterable, Sequence
from functools import cache

from lab.console.environment import Environment
from lab.console.forward import Forwarder
from lab.console.store import Store, pack
from lab.console.summary import summarize
from lab.console.writer import Chunk, Writer
from lab.tracing.span import Span, encode


class Collector:
    """One for each process; ``start()`` it there, after the fork."""

    def __init__(self, environment: Environment) -> None:
        self.store = Store(environment.database)
        self.writer = Writer(self.store)
        self.forwarder = Forwarder(environment.endpoint) if environment.endpoint else None
        self.rejected = 0
        """Spans that were none."""

    def start(self) -> None:
        """Starts its threads."""
        self.writer.start()
        if self.forwarder:
            self.forwarder.start()

    def close(self) -> None:
        """Writes and passes on what is left, for a few seconds at most."""
        self.writer.close()
        if self.forwarder:
            self.forwarder.close()

    def take(self, spans: Sequence[Span], body: bytes | None = None) -> bool:
        """Takes spans, or drops them all where too much waits: then it is False.  Never waits.

        ``body``: what they came as, OTLP/JSON or a line of nginx, if that is no more than they.
        """
        traces: dict[str, list[Span]] = {}
        for span in spans:
            traces.setdefault(span.trace_id, []).append(span)
        if not self.writer.put([*chunks(traces, body if len(traces) == 1 else None)]):
            return False
        if self.forwarder:
            self.forwarder.put(spans)
        return True

    def counts(self) -> dict[str, int]:
        """Spans since the start of the process, by what became of them."""
        forwarder = self.forwarder
        return {
            "written": self.writer.written,
            "dropped": self.writer.dropped,
            "rejected": self.rejected,
            "forwarded": forwarder.sent if forwarder else 0,
            "not_forwarded": forwarder.dropped if forwarder else 0,
        }


def chunks(traces: dict[str, list[Span]], body: bytes | None) -> Iterable[Chunk]:
    """The spans as the store takes them."""
    for trace_id, spans in traces.items():
        packed = pack(body or json.dumps(encode(spans)).encode())
        yield Chunk(summarize(trace_id, spans, len(packed)), packed)


@cache
def collector() -> Collector:
    """This process's, made at the first call; serving.py starts it."""
    return Collector(Environment.read())
