"""What a model sees of a connection, and the ways in which a connection ends.

    the last answer is sent ─▶ _end ─▶ _linger ─▶ (_discard_input) ─▶ close
    part of it is missing   ─▶ _end ─▶ a reset, so that the client cannot take it for whole
    --request-timeout       ─▶ stop_sending ─▶ end_timed_out, by another thread; the owner closes

``Conversation`` derives from it, and adds all that comes before the end.
"""

import time
from collections.abc import Callable

from paceline.exchange import Exchange
from paceline.http.response import error_answer
from paceline.incoming import Incoming
from paceline.sender import Sender
from paceline.service import Service
from paceline.transport import Connection
from paceline.wsgi.response import Answer

READ, WRITE = 1, 4  # as in epoll

# A lingering close (RFC 9112, 9.6).  After a refusal the client may still be sending.  If the
# server closed at once, those bytes would be answered by a reset, which could reach the client
# before it has read the refusal.
LINGER = 2.0  # seconds
DISCARDED = 1 << 16  # bytes at a time


class Ending(Sender):
    """A connection that somebody owns or waits for, until it is closed."""

    __slots__ = (
        "_descriptor",
        "_exchange",
        "_incoming",
        "armed",
        "bulky",
        "closed",
        "deadline",
        "interest",
        "owned",
        "ready_at",
        "step",
    )

    def __init__(self, connection: Connection, service: Service) -> None:
        super().__init__(connection, service)
        self._descriptor = connection.socket.fileno()  # known even when it is closed
        self.ready_at = time.monotonic()
        self.deadline = self.ready_at + service.timeouts.head
        self.interest = READ
        self.armed = 0  # what it is registered with a poller for
        self.owned = False  # whether a thread works on it
        self.bulky = False  # whether it is receiving a request that takes many turns
        self.closed = False
        self.step: Callable[[], Exchange | None] = _nothing
        self._incoming = Incoming(service.limits, service.disk)
        self._exchange: Exchange | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._descriptor

    def _end(self, answer: Answer) -> None:
        """Close the connection behind an answer that was the last one."""
        if self._lost:
            self.connection.reset_on_close()
            return self.close()
        if answer.complete:
            return self._linger(client_sends=bool(self._incoming.received))
        if answer.ends_with_connection:
            self.connection.reset_on_close()  # a plain close would make half an answer look whole
        self.close()

    def _linger(self, client_sends: bool) -> None:
        """Close for sending; then wholly, when the client has, or at once if it sends nothing."""
        self.connection.shutdown_write()
        self._incoming.discard()
        self.step = self._discard_input
        self.interest = READ
        self.deadline = time.monotonic() + LINGER
        try:
            client_sends |= bool(self.connection.receive(DISCARDED))
        except OSError:  # nothing has come, or the client is gone
            pass
        self.bulky = True
        if not client_sends:
            self.close()

    def _discard_input(self) -> Exchange | None:
        """Throw away what the client sends after the last answer."""
        try:
            if not self.connection.receive(DISCARDED):
                self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        return None

    # --- by the watchman's thread, while the application still works on the request --------------

    def stop_sending(self) -> None:
        """Send nothing more: from now on the application's own sends raise Disconnected."""
        self._lost = True

    def end_timed_out(self, exchange: Exchange) -> None:
        """Answer 503, if no answer has begun, and close for sending; count and log the exchange.

        The owner may do that much later, or never: its application may not return.
        """
        if self._exchange is not exchange:
            return  # it ended just before
        if not exchange.head_sent:
            self._send_503(exchange)
        if exchange.head_sent and exchange.ends_with_connection and not exchange.complete:
            self.connection.reset_on_close()  # an end now would make half an answer look whole
        else:
            self.connection.shutdown_write()
        if self.service.tally is not None:
            self.service.tally.add(exchange)
        exchange.recorded = True  # before it is logged: the owner may finish it in this moment
        self._log(exchange)

    def _send_503(self, exchange: Exchange) -> None:
        """Send it past ``exchange`` and ``send``, which are the owner's."""
        exchange.status = status = "503 Service Unavailable"
        fields, body = error_answer(status, "The application took too long.")
        exchange.body_bytes = len(body)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        text = f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n"
        try:
            self.connection.send(text.encode() + body)
        except OSError:
            pass  # the client has left, or takes nothing

    # --- by its owner again -----------------------------------------------------------------------

    def _log(self, exchange: Exchange) -> None:
        """Write an exchange to the access log, if there is one."""
        if self.service.access_log is not None:
            exchange.duration = time.monotonic() - self.ready_at
            self.service.access_log.write(exchange)

    def close(self) -> None:
        """Close, whatever is under way."""
        if self.closed:
            return
        self.closed = True
        self._incoming.discard()
        self._lose_client()
        self._exchange = None
        self.step = _nothing
        self.service.closing(self)
        self.connection.close()


def _nothing() -> None:
    """The step of a closed conversation.  A bound method would be a reference cycle: it stays."""
