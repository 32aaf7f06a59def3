"""What a model sees of a connection, and the ways in which a connection ends.

    the last answer is out ─▶ _end ─▶ _bow_out ─▶ (_drop) ─▶ close
    part of it is missing  ─▶ _end ─▶ a reset, so that it cannot be taken for whole
    a time limit is over   ─▶ abandon, end_abandoned, by another thread; the owner closes later

What comes in before that, ``Conversation`` adds.
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

# After a refusal the client may still be sending; if the server closed now, the reset could take
# the refusal away before it was read (RFC 9112, 9.6).
LINGER = 2.0  # seconds
DROPPED = 1 << 16  # bytes at a time


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
        self.armed = 0  # what a poller was told to look for
        self.owned = False  # whether somebody works on it
        self.bulky = False  # whether it is in the midst of what takes many turns to receive
        self.closed = False
        self.step: Callable[[], Exchange | None] = _nothing
        self._incoming = Incoming(service.limits, service.disk)
        self._exchange: Exchange | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._descriptor

    def _end(self, answer: Answer) -> None:
        """Let nothing follow the answer that is over."""
        if self._lost:
            self.connection.reset_on_close()
            return self.close()
        if answer.complete:
            return self._bow_out(patient=bool(self._incoming.received))
        if answer.ends_with_connection:
            self.connection.reset_on_close()  # a plain close would make half an answer look whole
        self.close()

    def _bow_out(self, patient: bool) -> None:
        """Say that nothing more comes; ``patient``: the client may still be sending."""
        self.connection.shutdown_write()
        self._incoming.discard()
        self.step = self._drop
        self.interest = READ
        self.deadline = time.monotonic() + LINGER
        try:
            patient |= bool(self.connection.receive(DROPPED))
        except OSError:  # nothing there, or nobody
            pass
        self.bulky = True
        if not patient:
            self.close()

    def _drop(self) -> Exchange | None:
        """Throw away what the client sends behind the last answer it gets."""
        try:
            if not self.connection.receive(DROPPED):
                self.close()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        return None

    # --- by another thread, while the application works on ------------------------------------

    def abandon(self) -> None:
        """Let nothing more be sent: whatever the application sends raises Disconnected."""
        self._lost = True

    def end_abandoned(self, exchange: Exchange) -> None:
        """Say 503, where the answer has not begun, and that nothing more comes; take note of it.

        The application may never come back to say what became of it.
        """
        if self._exchange is not exchange:
            return  # it has ended in this moment
        if not exchange.head_sent:
            exchange.status = status = "503 Service Unavailable"
            fields, body = error_answer(status, "The application took too long.")
            exchange.body_bytes = len(body)
            head = "".join(f"{name}: {value}\r\n" for name, value in fields)
            text = f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n"
            try:
                self.connection.send(text.encode() + body)
            except OSError:
                pass  # the client has left, or takes nothing
        self.connection.shutdown_write()
        service = self.service
        if service.tally is not None:
            service.tally.add(exchange)
        if service.access_log is not None:
            exchange.duration = time.monotonic() - self.ready_at
            service.access_log.write(exchange)
        exchange.told = True

    def close(self) -> None:
        """Close, whatever is under way."""
        if self.closed:
            return
        self.closed = True
        self._incoming.discard()
        self._abandon()
        self._exchange = None
        self.step = _nothing
        self.service.closing(self)
        self.connection.close()


def _nothing() -> None:
    """Stand in for the step of a closed conversation, whose own would be a cycle of references."""
