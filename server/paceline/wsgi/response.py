"""An answer as the application gives it: ``start_response``, ``write`` and the body.

PEP 3333, "The start_response() Callable" and "Handling the Content-Length Header".  How the body
is framed is decided when the head is sent (RFC 9112, 6.3; RFC 9110, 8.6):

    to HEAD, or status 204, 205 or 304        no body
    the application said Content-Length       that many bytes; what exceeds them is cut off
    all of the body is there                  Content-Length, counted by the server
    more may follow, to HTTP/1.1              chunked
    more may follow, to HTTP/1.0              until the connection closes
"""

import math
import time
from collections.abc import Callable
from email.utils import formatdate
from types import TracebackType
from typing import Protocol

from paceline.errors import ApplicationError
from paceline.http.body import LAST_CHUNK, encode_chunk
from paceline.http.request import RequestHead
from paceline.http.response import Head, encode_head

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None
)


BODILESS = frozenset({204, 205, 304})  # among final statuses (RFC 9112, 6.3; RFC 9110, 15.3.6)

# Bytes of a body from which on it is sent apart from its head: to join them would take as much
# memory again, and a millisecond for each megabyte of it that is new to the process.  Of a smaller
# one, which a socket may hold, a head that comes first wakes the client twice: 1 MB took half as
# long again.
APART = 1 << 22


class Terms(Protocol):
    """What holds for all connections at the moment."""

    keeps_connections: bool
    """Whether there can be another request after this one."""


class Sink(Protocol):
    """Where an answer's bytes go.  Sending raises Disconnected when nobody takes them."""

    @property
    def service(self) -> Terms:
        """Return what holds for all connections."""

    def send(self, data: bytes) -> None:
        """Send all of it, or see to it that it will be sent."""

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send part of a regular file."""


class Answer:
    """One answer on its way.

    ``keep`` tells whether the connection can be used afterwards, ``complete`` whether the client
    was given all of the answer.
    """

    # Set by whoever makes it: up to Python 3.12 an __init__ costs as much again as making it.  What
    # most answers never change stays in the class.
    request: RequestHead
    keep: bool
    sink: Sink

    _head: Head | None = None
    _left: int | None = None
    """Bytes still to come of a body whose length was said."""
    _excess = 0
    """Bytes past it, which are not sent."""
    _chunked = False
    _has_body = True
    head_sent = False
    complete = False
    body_bytes = 0
    status = ""
    headers: list[tuple[str, str]] = []  # noqa: RUF012 (replaced, never changed)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo = None
    ) -> Callable[[bytes], None]:
        """Take status and fields; nothing is sent before the first byte of the body.

        Raises ApplicationError, or what is in ``exc_info`` where the head was sent already.
        """
        if exc_info:
            try:
                if self.head_sent and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through this frame
        elif self._head is not None:
            raise ApplicationError("start_response was called again without exc_info.")
        if type(headers) is not list:
            headers = list(headers)  # it may be an iterator
        self._head = encode_head(status, headers)
        self.status = status
        self.headers = headers
        return self.write

    @property
    def ends_with_connection(self) -> bool:
        """Tell whether the client takes the end of the connection for the end of the body."""
        return self._has_body and self._left is None and not self._chunked

    @property
    def wants_no_more(self) -> bool:
        """Tell whether nothing that the application still gives would be sent."""
        return self.head_sent and (not self._has_body or self._excess > 0)

    def write(self, data: bytes) -> None:
        """Send a part of the body.  Raises ApplicationError, Disconnected."""
        if not isinstance(data, bytes):
            raise ApplicationError(f"The body holds {type(data).__name__}, not bytes.")
        if not data:
            return
        if self.complete:
            raise ApplicationError("write() was called after the answer was complete.")
        if not self.head_sent:
            self.sink.send(self._begin(None) + self._framed(data))
        elif self._has_body:
            self.sink.send(self._framed(data))

    def send_whole(self, data: bytes) -> None:
        """Send the body as one piece, whose length is known.  Raises as ``write`` does."""
        if not isinstance(data, bytes):
            raise ApplicationError(f"The body holds {type(data).__name__}, not bytes.")
        length = len(data)
        head = self._begin(length)
        if self._left == length:
            if length < APART:
                self.sink.send(head + data)
            else:
                self.sink.send(head)
                self.sink.send(data)
            self._left = 0
            self.body_bytes = length
            self.complete = True
        else:
            self.sink.send(head + self._framed(data))
            self.finish()

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send a regular file as the whole body.  Raises Disconnected."""
        self.sink.send(self._begin(count))
        if self._has_body and self._left is not None:
            count = min(count, self._left)
            self._left -= count
            self.body_bytes += count
            self.sink.send_file(descriptor, offset, count)
        self.finish()

    def finish(self, cut: bool = False) -> None:
        """Say that nothing more comes; ``cut``: what exceeds Content-Length is to be cut off.

        Raises ApplicationError for a body that was shorter or longer than its Content-Length.
        """
        if not self.head_sent:
            self.sink.send(self._begin(0))
        if self._chunked:
            self.sink.send(LAST_CHUNK)
        elif self._left:
            self.keep = False
            raise ApplicationError(f"The body is {self._left} bytes short of its Content-Length.")
        self.complete = True
        if self._excess and not cut:
            raise ApplicationError("The body is longer than its Content-Length.")

    def _begin(self, length: int | None) -> bytes:
        """Return the head's bytes, for a body of ``length`` bytes or (None) one not yet known."""
        head = self._head
        if head is None:
            raise ApplicationError("The body began before start_response was called.")
        code, status_line, raw, said, closes, has_date, has_server = head
        version = self.request.version
        if code in BODILESS or self.request.method == "HEAD":
            self._has_body = False
            raw = _without_body(head, length)
        elif said is not None:
            self._left = said
        elif length is not None:
            raw += b"Content-Length: %d\r\n" % length
            self._left = length
        elif version == "HTTP/1.1":
            self._chunked = True
            raw += b"Transfer-Encoding: chunked\r\n"
        else:
            self.keep = False  # the end of the connection is the end of the body
        self.head_sent = True
        if closes or not self.sink.service.keeps_connections:
            self.keep = False
        if not self.keep:
            raw += b"Connection: close\r\n"
        elif version == "HTTP/1.0":
            raw += b"Connection: keep-alive\r\n"
        if not _clock.since <= time.time() < _clock.until:
            _clock.set()
        common = _clock.both
        if has_date or has_server:
            common = _clock.without(has_date, has_server)
        return b"".join((status_line, common, raw, b"\r\n"))

    def _framed(self, data: bytes) -> bytes:
        """Return body bytes as they go on the wire, cut where the length that was said ends.

        More than was promised would be read as the beginning of the next answer.
        """
        if not self._has_body:
            return b""
        if self._left is not None:
            if len(data) > self._left:
                self._excess += len(data) - self._left
                data = data[: self._left]
            self._left -= len(data)
        self.body_bytes += len(data)
        return encode_chunk(data) if self._chunked else data


def _without_body(head: Head, length: int | None) -> bytes:
    """Return the fields of an answer to HEAD, or with 204, 205 or 304 (RFC 9110, 8.6).

    204 must not have a length, and 304 no other than its 200 would have; a framework that
    counts the body it gives comes to 0.  To clients 205 has a body, of which it must not have any.
    """
    code, _, raw, said, *_ = head
    if said is not None and (code in (204, 205) or (code == 304 and not said)):
        lines = raw.splitlines(keepends=True)
        raw = b"".join(line for line in lines if not line.lower().startswith(b"content-length:"))
    if code == 205:
        return raw + b"Content-Length: 0\r\n"
    if said is None and length and code not in BODILESS:
        return raw + b"Content-Length: %d\r\n" % length
    return raw


class _Clock:
    """Date and Server, made once a second for all answers of that second."""

    __slots__ = ("both", "date", "since", "until")

    SERVER = b"Server: paceline\r\n"

    def __init__(self) -> None:
        self.since = self.until = 0.0
        self.date = self.both = b""

    def set(self) -> None:
        """Read the time; to be called where it is not between ``since`` and ``until``."""
        since = math.floor(time.time()) + 0.0  # compared with floats, for each answer
        self.date = f"Date: {formatdate(since, usegmt=True)}\r\n".encode("ascii")
        self.both = self.SERVER + self.date
        self.since, self.until = since, since + 1  # last: who sees these takes what is above

    def without(self, has_date: bool, has_server: bool) -> bytes:
        """Return those of the two that the application has not given itself."""
        return (b"" if has_server else self.SERVER) + (b"" if has_date else self.date)


_clock = _Clock()
