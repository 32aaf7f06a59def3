"""The console, as a program asks it: takes spans, gives traces."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.tracing.client import Sent, send
from lab.tracing.names import Hop
from lab.tracing.span import Span, decode, encode

TIMEOUT = 2.0
"""Seconds for one question."""
PATIENCE = 3.0
"""Seconds without news, after which nobody waits any longer for a hop that has not spoken."""
QUIET = 0.3
"""Seconds without news, after which a trace of which all hops have spoken counts as whole."""
LOOK = 0.05


@dataclass(slots=True)
class Journey:
    """One request: what it was for the client, and what was told of it."""

    sent: Sent
    trace_id: str
    expected: Sequence[str]
    """The hops that will tell of it."""
    spans: dict[str, Span]
    """By their ids; of the client's own those with the bytes stay."""
    notes: list[str]
    """What a person has to know of it."""

    @property
    def missing(self) -> list[str]:
        """The hops that have not told yet.

        Some servers tell nothing: then what was set into the application speaks for both.
        """
        spoken = {span.hop for span in self.spans.values()}
        if Hop.APPLICATION in spoken:
            spoken.add(Hop.SERVER)
        return [hop for hop in self.expected if hop not in spoken]


class NoConsole(Exception):
    """It did not answer as one does; the message says why."""


@dataclass(frozen=True, slots=True)
class Console:
    """One console, by its address without a slash at its end.  Its methods raise NoConsole."""

    url: str

    def post(self, spans: Iterable[Span]) -> None:
        """Hands spans in."""
        self.ask("/v1/traces", "POST", json.dumps(encode(spans)).encode())

    def get(self, trace_id: str) -> list[Span]:
        """What it has of a trace so far."""
        body = self.ask(f"/traces/{trace_id}.json")
        try:
            return list(decode(json.loads(body))) if body else []
        except ValueError as error:
            raise NoConsole(f"{self.url} gave no trace: {error}") from error

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> bytes:
        """One question; nothing where it knows nothing (404 in JSON)."""
        fields = [("Content-Type", "application/json"), ("traceparent", None)]
        try:
            sent = send(self.url + path, method, fields, body, TIMEOUT, capture=sys.maxsize)
        except ValueError as error:
            raise NoConsole(str(error)) from error
        if sent.error is not None:
            raise NoConsole(f"no console answers at {self.url}: {sent.error}")
        if sent.status == 404 and method == "GET":
            return b""
        if sent.status != 200:
            raise NoConsole(f"{self.url} is no console: it answered {sent.status} {sent.reason}")
        return sent.body

    def wait(self, journeys: Sequence[Journey]) -> None:
        """Adds to each journey what the hops told of it.

        Blocks until all have told and then nothing came for a while, or nothing comes any more.
        """
        news = time.monotonic()
        while True:
            incomplete = False
            for journey in journeys:
                before = len(journey.spans)
                for span in self.get(journey.trace_id):
                    journey.spans.setdefault(span.span_id, span)
                if len(journey.spans) > before:
                    news = time.monotonic()
                incomplete |= bool(journey.missing)
            if time.monotonic() - news > (PATIENCE if incomplete else QUIET):
                return
            time.sleep(LOOK)
