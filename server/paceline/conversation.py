"""One connection and its requests and answers, all without blocking.

A conversation is a state machine, whose state is the method that ``step`` refers to.  ``step()``
does what can be done now, and returns an Exchange once a whole request is in.  Where it returns
None the conversation is ``closed``, or waits until ``interest`` (READ or WRITE) is possible, but
not beyond ``deadline``.  How to wait is all that a concurrency model adds.

    (_read_proxy_header) ─▶ (_shake_hands) ─▶ _receive ─▶ Exchange ──────────▶ (_flush)
                                                ▲  │         │                     │
                                                │  └─refused─┼─▶ (_discard_input) ◀┤ the last one
                                                └────────────┴─────────────────────┘

A common request does not need the steps in brackets.

The thread that calls ``step``, runs the exchange or calls ``finish`` owns the conversation for that
time.  Nothing in here is locked, and sending has a lock of its own only where part of an answer is
kept (outgoing.py).  What other threads may call is ``send_on`` (sender.py), ``stop_sending`` and
``end_timed_out`` (ending.py).
"""

import io
import logging
import time
from typing import IO

from paceline.ending import READ, WRITE, Ending
from paceline.errors import Disconnected, RequestError, RequestTimeout
from paceline.exchange import Exchange, Refusal
from paceline.http.request import RequestHead
from paceline.http.response import CONTINUE, error_answer
from paceline.observe.request_start import waited
from paceline.service import Service
from paceline.transport import Connection, proxy_protocol
from paceline.wsgi.environ import Environ, build, say_length
from paceline.wsgi.response import Answer

log = logging.getLogger("paceline.error")

BULKY = 1 << 16  # bytes of a body received, from which on short requests of others go first

REQUEST_START = "HTTP_X_REQUEST_START"

# In place of a request that could not be read: its answer has a body, as one to GET.
UNREAD = RequestHead()
UNREAD.method, UNREAD.version = "GET", "HTTP/1.1"


class Conversation(Ending):
    """What is known of one connection.  See the module's text for how it is driven."""

    __slots__ = ("_base", "_body_began", "_secure", "_trusted")

    def __init__(self, connection: Connection, base: Environ, service: Service) -> None:
        super().__init__(connection, service)
        self._base = base
        self._secure = connection.secure
        self._trusted = connection.peer[0] in service.trusted
        if service.proxy_versions and connection.peer[0] in service.proxy_peers:
            self.step = self._read_proxy_header
        else:
            self.step = self._shake_hands if connection.secure else self._receive

    @property
    def idle(self) -> bool:
        """Tell whether no byte of a request has come yet, so that closing it loses none."""
        waits = self.step in (self._receive, self._shake_hands, self._read_proxy_header)
        return waits and not self._incoming.received and not self._incoming.in_body

    @property
    def receives_head(self) -> bool:
        """Tell whether part of a head has come."""
        return self.step == self._receive and not (self.idle or self._incoming.in_body)

    @property
    def exchange(self) -> Exchange | None:
        """Return the exchange under way, if any."""
        return self._exchange

    # --- taking a request in ------------------------------------------------------------------

    def _read_proxy_header(self) -> Exchange | None:
        """Read the PROXY protocol's header, by which a proxy tells the client's address."""
        try:
            held = proxy_protocol.read(
                self.connection, self._incoming.received, self.service.proxy_versions
            )
        except BlockingIOError:
            return None
        except (proxy_protocol.Malformed, OSError) as error:
            log.warning("%s: PROXY protocol: %s", self.connection.peer[0], error)
            self.close()
            return None
        self._incoming.received = held or b""
        if held is not None:
            return None
        self.step = self._shake_hands
        return self._shake_hands()

    def _shake_hands(self) -> Exchange | None:
        """Go on with the TLS handshake."""
        try:
            self.connection.handshake()
        except BlockingIOError:
            return None
        except OSError as error:
            log.info("%s: no TLS connection: %s", self.connection.peer[0], error)
            self.close()
            return None
        self.step = self._receive
        return self._receive()

    def _receive(self) -> Exchange | None:
        incoming = self._incoming
        try:
            data = self.connection.receive(incoming.wanted)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if data:
            return self._take(data)
        if incoming.in_body:
            # The application is not called: half a body is not what the client meant.
            log.info("%s: the client left in the midst of a body", self.connection.peer[0])
        self.close()
        return None

    def _take(self, data: bytes) -> Exchange | None:
        incoming, service = self._incoming, self.service
        body: IO[bytes] | None = None
        try:
            request = incoming.feed(data)
            if request is None:
                self._await_more()
                return None
            head, body, length, keeps = request
            environ = build(
                self._base,
                head,
                body or io.BytesIO(),
                self.connection.peer,
                service.forwarding,
                self._trusted,
            )
        except RequestError as error:
            if body is not None:
                body.close()
            self._refuse(error)
            return None
        except Disconnected:
            self.close()
            return None
        incoming.head = None
        self.bulky = False
        if body is not None:
            say_length(environ, length)
        exchange = self._exchange = Exchange()
        exchange.request = head
        exchange.keep = keeps
        exchange.sink = self
        exchange.environ = environ
        exchange.body = body
        if service.timed:
            self._time(exchange)
        return exchange

    def hold(self) -> None:
        """Keep the exchange that a step has just returned: the next step returns it again."""
        self.step = self._resume

    def _resume(self) -> Exchange | None:
        self.step, exchange = self._receive, self._exchange
        if exchange is not None and self.service.timed:
            self._time(exchange)
        return exchange

    def _time(self, exchange: Exchange) -> None:
        """Note how long the request has waited for this thread, and in a proxy before."""
        exchange.started = time.time()
        exchange.ready_at = self.ready_at
        exchange.queue = time.monotonic() - self.ready_at
        if self._trusted:
            exchange.waited = waited(exchange.environ.get(REQUEST_START), exchange.started)

    def _await_more(self) -> None:
        """Set the deadline for the rest of a request; send 100 Continue where it is asked for."""
        incoming, timeouts = self._incoming, self.service.timeouts
        if incoming.wants_continue:
            incoming.wants_continue = False
            self.send(CONTINUE)
        if incoming.in_body:
            now = time.monotonic()
            if incoming.begins:
                self._body_began = now
            came = incoming.body_length
            self.bulky = came >= BULKY or not incoming.begins
            least = self.service.limits.at_least(self._body_began, came)
            self.deadline = timeouts.body + min(now, least)
        elif incoming.begins:
            self.deadline = time.monotonic() + timeouts.head
        else:
            self.bulky = bool(incoming.received)

    # --- what the client is slow to take ----------------------------------------------------------

    def _flush(self) -> Exchange | None:
        """Send what the client has not taken yet, and go on once it has taken all."""
        try:
            progress = self._send_some()
        except Disconnected:
            self._give_up()
            return None
        if (outgoing := self._outgoing) is not None:
            if progress:
                self.deadline = self.patience(outgoing, time.monotonic())
            return None
        self.interest = READ
        self.step = self._receive
        if self._exchange is None:
            self._linger(client_sends=True)  # it was a refusal
            return None
        return self.finish()

    def _flush_later(self) -> None:
        self.step = self._flush
        self.interest = WRITE
        self.deadline = time.monotonic() + self.service.timeouts.send

    # --- between two requests, and after the last -----------------------------------------------

    def finish(self) -> Exchange | None:
        """Go on after an exchange was run; return the next one where it has arrived already."""
        if self._outgoing is not None:
            self._flush_later()
            return None
        exchange, service = self._exchange, self.service
        assert exchange is not None
        self._exchange = None
        if service.access_log is not None and not exchange.recorded:
            self._log(exchange)
        if not exchange.keep or self._lost:
            self._end(exchange)
            return None
        self.deadline = time.monotonic() + service.keep_alive
        if self._incoming.received:
            self.ready_at = time.monotonic()
            return self._take(b"")
        if self._secure and self.connection.pending():
            self.ready_at = time.monotonic()
            return self._receive()
        return None

    def _refuse(self, error: RequestError) -> None:
        """Answer an error to a request that the application never sees, and close."""
        fields, body = error_answer(error.status, str(error))
        answer = Answer()
        answer.request, answer.keep, answer.sink = UNREAD, False, self
        answer.start_response(error.status, fields)
        service = self.service
        if service.tally is not None:
            service.tally.refuse()
        log.info("%s: %s: %s", self.connection.peer[0] or "unix", error.status, error)
        if service.access_log is not None:
            line, peer = self._incoming.request_line, self.connection.peer[0]
            service.access_log.write(Refusal(line, error.status, peer, len(body)))
        try:
            answer.send_whole(body)
        except Disconnected:
            return self.close()
        self._incoming.discard()
        if self._outgoing is not None:
            self._flush_later()
        else:
            self._linger(client_sends=True)

    def expire(self) -> None:
        """End what has passed its deadline, with an answer if a request has begun."""
        incoming = self._incoming
        if self.step == self._receive and (incoming.received or incoming.in_body):
            self._refuse(RequestTimeout("The request took too long to arrive."))
        elif self.step == self._flush:
            self._give_up()
        else:
            self.close()

    def _give_up(self) -> None:
        """Give up an answer that the client does not take."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None and not exchange.recorded:
            self._log(exchange)
        self.connection.reset_on_close()
        self.close()
