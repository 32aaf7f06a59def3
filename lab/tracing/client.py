"""Sends a request of HTTP/1.1 over a connection of its own, and times each step of it.

    resolve  connect  tls  send  wait  receive

``wait`` is from the last byte sent to the first one of the answer; where an answer of 1xx comes
before, both are there again.  Steps that a request did not reach are not there.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.tracing import names
from lab.tracing.answer import Answer, BadAnswer
from lab.tracing.context import TraceContext, new_id
from lab.tracing.head import field as field_of
from lab.tracing.mask import mask_body, mask_head, mask_target
from lab.tracing.names import HOP, Hop
from lab.tracing.outgoing import Header, Request
from lab.tracing.span import CLIENT, Event, Span, Value
from lab.tracing.steps import Step, Steps

CAPTURE = 4096
"""Bytes of a body that are kept, unless the caller wants others."""

PIECE = 65536
RESOURCE = {"service.name": "lab"}

ConnectTo = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""


class Failed(Exception):
    """A step did not succeed; the message is for people, the cause is what happened."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a request.  The bytes are as they were, not masked; those in spans are."""

    context: TraceContext
    spans: list[Span]
    request_head: bytes
    status: int | None = None
    """None, as all below is empty, where no answer came."""
    reason: str = ""
    head: bytes = b""
    body: bytes = b""
    """Its beginning, without chunks."""
    size: int = 0
    """Bytes of the body that came."""
    error: str | None = None
    """Why there is no answer, or only a part of one."""


@dataclass(slots=True)
class Exchange:
    """One request under way."""

    request: Request
    capture: int
    deadline: float
    steps: Steps
    attributes: dict[str, Value]
    answer: Answer | None = None
    body: bytearray = field(default_factory=bytearray)
    size: int = 0


def send(
    url: str,
    method: str = "GET",
    headers: Iterable[Header] = (),
    body: bytes = b"",
    timeout: float = 30.0,
    *,
    trust: str | Path | None = None,
    insecure: bool = False,
    connect_to: ConnectTo | None = None,
    capture: int = CAPTURE,
) -> Sent:
    """Sends a request and reads its answer; redirects are not followed.

    ``timeout`` (seconds) is for all steps together but the look-up of the name, which has the
    system's own.  ``trust`` is a file of certificates that count instead of the system's;
    ``insecure`` takes any.  Of each body the first ``capture`` bytes are kept.  A valid traceparent
    in ``headers`` becomes the parent.

    Raises ValueError where there is nothing to send (URL, method or field are malformed), OSError
    where ``trust`` cannot be read; what fails later is in Sent.error.
    """
    request = Request.make(method, url, headers, body)
    tls = tls_context(trust, insecure) if request.scheme == "https" else None
    steps = Steps()  # what came before is no part of the request
    exchange = Exchange(
        request, capture, time.monotonic() + timeout, steps, describe(request, capture)
    )
    start, error = steps.now(), None
    try:
        with closing(connect(exchange, connect_to)) as plain:
            with closing(secure(exchange, plain, tls) if tls else plain) as connection:
                converse(exchange, connection)
    except Failed as failed:
        error = str(failed)
        exchange.attributes["error.type"] = type(failed.__cause__).__name__
    return finish(exchange, start, error)


def tls_context(trust: str | Path | None, insecure: bool) -> ssl.SSLContext:
    """What TLS trusts.  Raises OSError."""
    context = ssl.create_default_context(cafile=str(trust) if trust else None)
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def timed(exchange: Exchange, name: str) -> Iterator[Step]:
    """A step, whose failure is said for people.  Raises Failed alone."""
    with exchange.steps.step(name) as step:
        try:
            yield step
        except (OSError, BadAnswer) as error:
            raise Failed(explain(error, name)) from error


def explain(error: Exception, step: str) -> str:
    """What went wrong, for people."""
    match error:
        case TimeoutError():
            return f"no time was left in the step {step}"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or error}"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
    return str(error)


def connect(exchange: Exchange, to: ConnectTo | None) -> socket.socket:
    """A connection to where the request goes, or to ``to``.  Raises Failed."""
    if isinstance(to, str):
        with timed(exchange, "connect"):
            exchange.attributes |= {"network.transport": "unix", "network.peer.address": to}
            return open_socket(exchange, socket.AF_UNIX, to)
    host, port = to or (exchange.request.host, exchange.request.port)
    with timed(exchange, "resolve"):
        found = socket.getaddrinfo(known(host), port, type=socket.SOCK_STREAM)
    with timed(exchange, "connect") as step:
        for family, _, _, _, address in found[:-1]:
            try:
                return open_socket(exchange, family, address)
            except OSError as error:  # localhost is ::1 first, where few listen
                what = f"{address[0]}: {explain(error, 'connect')}"
                step.events.append(Event(exchange.steps.now(), what))
        family, *_, address = found[-1]
        return open_socket(exchange, family, address)


def known(host: str) -> str:
    """A name that every resolver knows: all below localhost are this machine (RFC 6761, 6.3)."""
    return "localhost" if host.rstrip(".").lower().endswith(".localhost") else host


def open_socket(exchange: Exchange, family: int, address: tuple[Any, ...] | str) -> socket.socket:
    """A connection to one address.  Raises OSError."""
    if isinstance(address, tuple):
        peer = {"network.peer.address": address[0], "network.peer.port": address[1]}
        exchange.attributes.update(peer)
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(left(exchange))
        connection.connect(address)
        if family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def left(exchange: Exchange) -> float:
    """Seconds until the deadline.  Raises TimeoutError."""
    seconds = exchange.deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def secure(exchange: Exchange, plain: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """TLS over a connection.  Raises Failed."""
    with timed(exchange, "tls") as step:
        plain.settimeout(left(exchange))
        connection = tls.wrap_socket(plain, server_hostname=exchange.request.host)
        step.attributes["tls.protocol.version"] = (connection.version() or "").removeprefix("TLSv")
        step.attributes["tls.cipher"] = (connection.cipher() or ("",))[0]
        return connection


def converse(exchange: Exchange, connection: socket.socket) -> None:
    """Sends the request and reads the answer.  Raises Failed."""
    refusal: Failed | None = None
    try:
        with timed(exchange, "send"):
            connection.settimeout(left(exchange))
            connection.sendall(exchange.request.head + exchange.request.body)
    except Failed as failed:
        if isinstance(failed.__cause__, TimeoutError):
            raise
        refusal = failed  # whoever wants no more of a body may have said why before it hung up
    try:
        receive(exchange, lambda: piece_of(exchange, connection))
    except Failed as failed:
        raise refusal or failed from (refusal or failed).__cause__


def piece_of(exchange: Exchange, connection: socket.socket) -> bytes:
    """The next bytes that come.  Raises OSError."""
    connection.settimeout(left(exchange))
    return connection.recv(PIECE)


def receive(exchange: Exchange, more: Callable[[], bytes]) -> None:
    """Reads answers up to the last.  Raises Failed."""
    answer = Answer(more, exchange.request.method)
    last = False
    while not last:
        with timed(exchange, "wait"):
            answer.await_byte()
        with timed(exchange, "receive") as step:
            last = answer.read_head()
            if not last:
                step.attributes["http.response.status_code"] = answer.status or 0
                continue
            exchange.answer = answer
            for piece in answer.read_body():
                exchange.size += len(piece)
                exchange.body += piece[: exchange.capture - len(exchange.body)]


def describe(request: Request, capture: int) -> dict[str, Value]:
    """What the client's span says of a request."""
    content_type = field_of(request.head, "Content-Type")
    return {
        HOP: Hop.CLIENT.value,
        "http.request.method": request.method,
        "url.full": mask_target(request.url),
        "server.address": request.host,
        "server.port": request.port,
        names.REQUEST_HEAD: mask_head(request.head).decode("latin-1"),
        names.REQUEST_BODY: mask_body(request.body[:capture], content_type).decode("latin-1"),
        names.REQUEST_BODY_SIZE: len(request.body),
    }


def describe_answer(answer: Answer, body: bytes, size: int) -> dict[str, Value]:
    """What the client's span says of an answer."""
    kind, coding = (field_of(answer.head, name) for name in ("Content-Type", "Content-Encoding"))
    return {
        "http.response.status_code": answer.status or 0,
        "network.protocol.name": "http",
        "network.protocol.version": answer.version.removeprefix("HTTP/"),
        names.RESPONSE_HEAD: mask_head(answer.head).decode("latin-1"),
        names.RESPONSE_BODY: mask_body(body, kind, coding).decode("latin-1"),
        names.RESPONSE_BODY_SIZE: size,
    }


def finish(exchange: Exchange, start: int, error: str | None) -> Sent:
    """What became of the request, with its spans."""
    request, answer, end = exchange.request, exchange.answer, exchange.steps.now()
    status, reason, head, body = None, "", b"", bytes(exchange.body)
    failure = error
    if answer is not None and answer.status is not None:
        status, reason, head = answer.status, answer.reason, answer.head
        exchange.attributes |= describe_answer(answer, body, exchange.size)
        if status >= 400 and error is None:  # as the conventions have it for clients
            failure = f"{status} {reason}".strip()
            exchange.attributes["error.type"] = str(status)
    whole = Span(
        request.context.trace_id,
        request.context.span_id,
        request.parent_id,
        request.method,
        start,
        end,
        exchange.attributes,
        kind=CLIENT,
        error=failure,
        resource=RESOURCE,
    )
    spans = [whole, *(span_of(step, request.context) for step in exchange.steps.done)]
    size = exchange.size
    return Sent(request.context, spans, request.head, status, reason, head, body, size, error)


def span_of(step: Step, context: TraceContext) -> Span:
    """The span of a step."""
    return Span(
        context.trace_id,
        new_id(8),
        context.span_id,
        step.name,
        step.start,
        step.end,
        {HOP: Hop.CLIENT.value, **step.attributes},
        step.events,
        error=step.error,
        resource=RESOURCE,
    )
