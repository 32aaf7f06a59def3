"""A conversation whose requests an observer may want to know all about.

Taken in place of ``Conversation`` where a worker has an observer, so that the others pay nothing.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import cast

from paceline.conversation import Conversation
from paceline.exchange import Exchange
from paceline.observe.observation import Observation
from paceline.service import Service
from paceline.transport import Connection
from paceline.wsgi.environ import Environ
from paceline.wsgi.gateway import Application
from paceline.wsgi.response import ExcInfo

log = logging.getLogger("paceline.error")

KEY = "paceline.observation"
"""Where the application finds its request's Observation in the environ, as far as it has come."""
HEAD = 1 << 14
"""Bytes of an answer that are kept beside those of its body that an observer asks for."""


class ObservedExchange(Exchange):
    """An exchange that takes notes."""

    observation: Observation
    service: Service

    def run(self, application: Application, sendfile: bool) -> None:
        """See Exchange."""
        seen = self.observation
        thread = threading.current_thread()
        seen.thread, seen.thread_id = thread.name, thread.native_id or 0
        seen.busy, seen.waiting, seen.queued = self.service.crowd()
        cpu = time.thread_time()
        seen.called = time.monotonic()
        super().run(application, sendfile)
        seen.returned = time.monotonic()
        seen.cpu = time.thread_time() - cpu

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo = None
    ) -> Callable[[bytes], None]:
        """See Answer."""
        self.observation.responded = time.monotonic()
        return super().start_response(status, headers, exc_info)

    def _explain(self, error: BaseException) -> None:
        self.observation.error = type(error).__name__
        super()._explain(error)


class ObservedConversation(Conversation):
    """A conversation that takes notes of what it receives and sends."""

    __slots__ = (
        "_accepted",
        "_first_ready",
        "_first_taken",
        "_head_read",
        "_number",
        "_observer",
        "_raw",
        "_slow",
        "_taken",
    )

    def __init__(self, connection: Connection, base: Environ, service: Service) -> None:
        super().__init__(connection, base, service)
        assert service.observer is not None
        self._observer = service.observer
        self._accepted = self.ready_at
        self._number = 0
        self._taken = 0.0
        self._begin()

    def _begin(self) -> None:
        self._first_ready = self._first_taken = self._head_read = 0.0
        self._raw = b""  # what was received of the head, and at its end more
        self._slow = False  # whether the client did not take all of the answer at once

    # --- the request --------------------------------------------------------------------------

    def _take(self, data: bytes) -> Exchange | None:
        incoming = self._incoming
        self._taken = time.monotonic()
        if not self._first_ready:
            self._first_ready, self._first_taken = self.ready_at, self._taken
        if not incoming.in_body:
            self._raw = incoming.received + data
        exchange = super()._take(data)
        if exchange is None:
            if incoming.in_body and not self._head_read:
                self._head_read = time.monotonic()
            return None
        self._number += 1
        try:
            wanted = self._observer.wants(exchange.environ)
        except Exception:
            log.exception("The observer failed")
            wanted = False
        if wanted:
            exchange = self._exchange = self._observe(exchange)
        self._begin()
        return exchange

    def _observe(self, exchange: Exchange) -> ObservedExchange:
        now = time.monotonic()
        exchange.__class__ = ObservedExchange  # as it is, but from now on it takes notes
        observed = cast(ObservedExchange, exchange)
        observed.service = self.service
        body = b""
        if exchange.body is not None:
            body = exchange.body.read(self._observer.capture)
            exchange.body.seek(0)
        seen = observed.observation = exchange.environ[KEY] = Observation()
        seen.environ = exchange.environ
        seen.accepted = self._accepted
        seen.number = self._number
        seen.ready = self._first_ready
        seen.taken = self._first_taken
        seen.last_ready = self.ready_at
        seen.last_taken = self._taken
        seen.head_read = self._head_read or now
        seen.read = now
        seen.head = self._raw.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
        seen.body = body
        seen.sent = []
        return observed

    # --- the answer ---------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """See Sender."""
        super().send(data)
        if (seen := self._seen()) is not None:
            self._note(seen, data, len(data))

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """See Sender."""
        seen = self._seen()
        data = os.pread(descriptor, min(count, self._observer.capture), offset) if seen else b""
        super().send_file(descriptor, offset, count)
        if seen is not None:
            self._note(seen, data, count)

    def _seen(self) -> Observation | None:
        exchange = self._exchange
        return exchange.observation if isinstance(exchange, ObservedExchange) else None

    def _note(self, seen: Observation, data: bytes, count: int) -> None:
        seen.last_sent = time.monotonic()
        if not seen.sent_bytes:
            seen.first_sent = seen.last_sent
        room = HEAD + self._observer.capture - seen.sent_bytes
        if room > 0:
            seen.sent.append(data[:room])
        seen.sent_bytes += count
        self._slow |= self._outgoing is not None

    def finish(self) -> Exchange | None:
        """See Conversation."""
        if self._outgoing is None:
            self._over()
        return super().finish()

    def _give_up(self) -> None:
        self._over()
        super()._give_up()

    def close(self) -> None:
        """See Conversation."""
        self._over()
        super().close()

    def _over(self) -> None:
        """Tell the observer, once."""
        exchange = self._exchange
        seen = self._seen()
        if exchange is None or seen is None or seen.status:
            return
        if self._slow:
            seen.last_sent = time.monotonic()  # what was kept has been sent by now
        seen.status = exchange.status or "500 Internal Server Error"
        taken = not self._lost and self._outgoing is None
        seen.complete = exchange.complete and taken
        seen.keeps = exchange.keep and taken
        seen.environ.pop(KEY, None)  # so that they do not hold each other
        try:
            self._observer.done(seen)
        except Exception:
            log.exception("The observer failed")
