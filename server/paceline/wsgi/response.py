"""An answer as the application gives it: ``start_response``, ``write`` and the body.

PEP 3333, "The start_response() Callable" and "Handling the Content-Length Header".  How the body
is framed is decided when the head is sent (RFC 9112, 6.3; RFC 9110, 8.6):

    to HEAD, or status 204 or 304             no body
    the application said Content-Length       that many bytes; what exceeds them is cut off
    all of the body is there                  Content-Length, counted by the server
    more may follow, to HTTP/1.1              chunked
    more may follow, to HTTP/1.0              until the connection closes
"""

import time
from collections.abc import Callable
from email.utils import formatdate
from types import TracebackType
from typing import Protocol

from paceline.errors import ApplicationError
from paceline.http.body import LAST_CHUNK, encode_chunk
from paceline.http.response import Fields, encode_fields, status_line

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None
)


class Sink(Protocol):
    """Where an answer's bytes go.  Sending raises Disconnected when nobody takes them."""

    @property
    def stays_open(self) -> bool:
        """Tell whether there can be another request after this one."""

    def send(self, data: bytes) -> None:
        """Send all of it, or see to it that it will be sent."""

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send part of a regular file."""


class Answer:
    """One answer on its way.

    ``keep`` tells whether the connection can be used afterwards, ``complete`` whether the client
    was given all of the answer.
    """

    # Class attributes, of which most answers change a few: cheaper than to set them all each time.
    _fields: Fields | None = None
    _status_line = b""
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
    code = 0
    headers: list[tuple[str, str]] = []  # noqa: RUF012 (replaced, never changed)

    def __init__(self, method: str, version: str, keep: bool, sink: Sink) -> None:
        self._to_head = method == "HEAD"
        self._version = version
        self.keep = keep
        self.sink = sink

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
        elif self._fields is not None:
            raise ApplicationError("start_response was called again without exc_info.")
        code, self._status_line = status_line(status)
        if code < 200:
            raise ApplicationError(f"{status!r} is an interim status, which is the server's.")
        self._fields = encode_fields(headers)
        self.status, self.code, self.headers = status, code, headers
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
        if not self.head_sent:
            self.sink.send(self._head(None) + self._framed(data))
        elif self._has_body:
            self.sink.send(self._framed(data))

    def send_whole(self, data: bytes) -> None:
        """Send the body as one piece, whose length is known.  Raises as ``write`` does."""
        if not isinstance(data, bytes):
            raise ApplicationError(f"The body holds {type(data).__name__}, not bytes.")
        length = len(data)
        head = self._head(length)
        if self._left == length:
            self.sink.send(head + data)
            self._left = 0
            self.body_bytes = length
            self.complete = True
        else:
            self.sink.send(head + self._framed(data))
            self.finish()

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send a regular file as the whole body.  Raises Disconnected."""
        self.sink.send(self._head(count))
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
            self.sink.send(self._head(0))
        if self._chunked:
            self.sink.send(LAST_CHUNK)
        elif self._left:
            self.keep = False
            raise ApplicationError(f"The body is {self._left} bytes short of its Content-Length.")
        self.complete = True
        if self._excess and not cut:
            raise ApplicationError("The body is longer than its Content-Length.")

    def _head(self, length: int | None) -> bytes:
        """Return the head's bytes, for a body of ``length`` bytes or (None) one not yet known."""
        fields = self._fields
        if fields is None:
            raise ApplicationError("The body began before start_response was called.")
        self.head_sent = True
        raw, said, closes, has_date, has_server = fields
        if self._to_head or self.code == 204 or self.code == 304:
            self._has_body = False
            if self.code == 204:  # must not have a Content-Length (RFC 9110, 8.6)
                raw = raw if said is None else _without_length(self.headers)
            elif length and self._to_head and said is None:
                raw += b"Content-Length: %d\r\n" % length
        elif said is not None:
            self._left = said
        elif length is not None:
            raw += b"Content-Length: %d\r\n" % length
            self._left = length
        elif self._version == "HTTP/1.1":
            self._chunked = True
            raw += b"Transfer-Encoding: chunked\r\n"
        else:
            self.keep = False  # the end of the connection is the end of the body
        if closes or not self.sink.stays_open:
            self.keep = False
        if not self.keep:
            raw += b"Connection: close\r\n"
        elif self._version == "HTTP/1.0":
            raw += b"Connection: keep-alive\r\n"
        return self._status_line + _common_fields(has_date, has_server) + raw + b"\r\n"

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


def _without_length(headers: list[tuple[str, str]]) -> bytes:
    return encode_fields([each for each in headers if each[0].lower() != "content-length"])[0]


class _Clock:
    """Date and Server, made once a second for all answers of that second."""

    second = 0
    both = date = server = b""


def _common_fields(has_date: bool, has_server: bool) -> bytes:
    now = int(time.time())
    if now != _Clock.second:
        _Clock.date = f"Date: {formatdate(now, usegmt=True)}\r\n".encode("ascii")
        _Clock.server = b"Server: paceline\r\n"
        _Clock.both = _Clock.server + _Clock.date
        _Clock.second = now
    if not has_date and not has_server:
        return _Clock.both
    return (b"" if has_server else _Clock.server) + (b"" if has_date else _Clock.date)
