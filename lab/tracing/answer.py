"""Reads an answer of HTTP/1 from a connection (RFC 9112), as a client must, within bounds."""

import re
from collections.abc import Callable, Iterator

from lab.tracing.head import field

HEAD_LIMIT = 256 * 1024
"""Bytes of a head with all its fields, or of a chunked body's trailers; nginx sends far less."""

LINE_LIMIT = 4096
"""Bytes of the line before a chunk."""

MOST_INFORMATION = 100
"""Answers of 1xx before the one that counts; whoever sends them without end says nothing."""

STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9]\d\d)(?: ([^\r\n]*))?\r?\n")
HEAD_END = re.compile(rb"\r?\n\r?\n")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\n")


class BadAnswer(Exception):
    """What came is no answer of HTTP/1, or only a part of one; the message says why."""


class Answer:
    """One answer as it is read: the head first, then the body piece by piece.

    ``receive`` gives the next bytes of the connection, none at its end; what it raises passes
    through.  Every method may block in it, and raises BadAnswer.
    """

    def __init__(self, receive: Callable[[], bytes], method: str) -> None:
        self._receive = receive
        self._method = method
        self._buffer = b""
        self._information = 0
        self.head = b""
        self.version = ""
        self.status: int | None = None
        self.reason = ""

    def await_byte(self) -> None:
        """Returns once anything of the next head is there."""
        if not self._buffer and not self._more():
            raise BadAnswer("the connection was closed without an answer")

    def read_head(self) -> bool:
        """Reads a head; whether it is the last, which those of 1xx are not."""
        while (end := HEAD_END.search(self._buffer)) is None:
            if len(self._buffer) > HEAD_LIMIT:
                raise BadAnswer(f"the head is longer than {HEAD_LIMIT} bytes")
            if not b"HTTP/1.".startswith(self._buffer[:7]) or not self._more():
                break
        line = STATUS_LINE.match(self._buffer)
        if end is None or line is None:
            raise BadAnswer(f"no head of HTTP/1 came: {self._buffer[:40]!r}")
        self.head, self._buffer = self._buffer[: end.end()], self._buffer[end.end() :]
        self.version = line[1].decode()
        self.reason = (line[3] or b"").decode("latin-1")
        self.status = int(line[2])
        if self.status == 101:
            raise BadAnswer("101: the server speaks another protocol from here on")
        self._information += self.status < 200
        if self._information > MOST_INFORMATION:
            raise BadAnswer(f"{self._information} answers of 1xx came, and none that counts")
        return self.status >= 200

    def read_body(self) -> Iterator[bytes]:
        """The body, without its framing."""
        if self._method == "HEAD" or self.status in (204, 304):
            return iter(())
        if codings := field(self.head, "Transfer-Encoding").lower():
            # Any other last coding ends with the connection (RFC 9112, 6.3).
            chunked = codings.rpartition(",")[2].strip() == "chunked"
            return self._chunks() if chunked else self._rest()
        lengths = {text.strip() for text in field(self.head, "Content-Length").split(",")}
        if lengths == {""}:
            return self._rest()
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            raise BadAnswer(f"Content-Length is no number: {length}")
        return self._exactly(int(length))

    def _more(self) -> bool:
        received = self._receive()
        self._buffer += received
        return bool(received)

    def _rest(self) -> Iterator[bytes]:
        while self._buffer or self._more():
            piece, self._buffer = self._buffer, b""
            yield piece

    def _exactly(self, length: int) -> Iterator[bytes]:
        left = length
        while left:
            if not self._buffer and not self._more():
                raise BadAnswer(f"the connection was closed {left} bytes before the body's end")
            piece, self._buffer = self._buffer[:left], self._buffer[left:]
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._line(LINE_LIMIT)
            size = CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise BadAnswer(f"no size of a chunk: {line[:40]!r}")
            if not (length := int(size[1], 16)):
                break
            yield from self._exactly(length)
            if (line := self._line(LINE_LIMIT)).strip():
                raise BadAnswer(f"a chunk is longer than it says: {line[:40]!r}")
        trailers = 0
        while (line := self._line(LINE_LIMIT)).strip():
            trailers += len(line)
            if trailers > HEAD_LIMIT:
                raise BadAnswer(f"the trailers are longer than {HEAD_LIMIT} bytes")

    def _line(self, limit: int) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                raise BadAnswer(f"a line of a chunk is longer than {limit} bytes")
            if not self._more():
                raise BadAnswer("the connection was closed within a chunked body")
        line, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
        return line
