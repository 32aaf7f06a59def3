"""Passes spans on to another collector, such as Jaeger: OTLP/HTTP, protobuf.

A thread of its own, never in anybody's way: what it cannot get rid of in time is dropped, and
counted.
"""

import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from lab.console.otlp_protobuf import to_protobuf
from lab.tracing.span import Span

log = logging.getLogger("lab.console")

MOST_WAITING = 20_000
"""Spans; a hundred megabytes at the very most."""
BATCH = 1_000
"""Spans of a request."""
GATHER = 1.0
"""Seconds for which a first span waits for others."""
TIMEOUT = 10.0
PATIENCE = 30.0
"""Seconds for which one batch is sent again and again, while the other side says: later."""
FIRST_PAUSE = 1.0
"""Twice as long after each failure."""
LATER = (429, 502, 503, 504)
"""Statuses after which OTLP has a sender try again."""


class Forwarder:
    """Sends to ``endpoint``/v1/traces; ``close()`` tries once more to send what is left."""

    def __init__(self, endpoint: str) -> None:
        self.sent = self.dropped = 0
        """Spans."""
        self._url = f"{endpoint}/v1/traces"
        self._waiting: list[Span] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)

    def start(self) -> None:
        """To be called in the process that shall send."""
        self._thread.start()

    def put(self, spans: Sequence[Span]) -> None:
        """Leaves spans to be sent, as many as have room."""
        with self._changed:
            room = max(0, MOST_WAITING - len(self._waiting))
            self._waiting += spans[:room]
            self.dropped += len(spans[room:])
            self._changed.notify()

    def close(self, seconds: float = 3.0) -> None:
        """Returns when all is sent, or after some seconds."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closing.is_set() or self._waiting:
            with self._changed:
                if not self._waiting and not self._closing.is_set():
                    self._changed.wait()
            self._closing.wait(GATHER)
            with self._changed:
                batch = self._waiting[:BATCH]
                del self._waiting[:BATCH]
            try:
                if batch:
                    self._deliver(batch)
            except Exception:
                self.dropped += len(batch)
                log.exception("%d spans are not passed on", len(batch))

    def _deliver(self, batch: list[Span]) -> None:
        body = to_protobuf(batch)
        deadline = time.monotonic() + PATIENCE
        pause = FIRST_PAUSE
        while (why := self._send(body)) is not None:
            retry, reason = why
            self._say(reason)
            if not retry or self._closing.is_set() or time.monotonic() + pause > deadline:
                self.dropped += len(batch)
                return
            self._closing.wait(pause)
            pause *= 2
        self.sent += len(batch)
        self._failing = False

    def _send(self, body: bytes) -> tuple[bool, str] | None:
        """None, or whether to try again, and what went wrong."""
        headers = {"Content-Type": "application/x-protobuf", "User-Agent": "wsgilab"}
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            # The settings take no URL but http:// and https://.
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # nosec B310
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code in LATER, f"it says {error.code} {error.reason}"
        except (OSError, ValueError) as error:
            return True, str(error)
        except Exception as error:  # http.client's, for an answer that is none
            return True, repr(error)
        return None

    def _say(self, reason: str) -> None:
        """Once, until it works again."""
        if not self._failing:
            log.warning("cannot pass spans on to %s: %s", self._url, reason)
        self._failing = True
