"""The two codings of a body: a length said beforehand, and chunks.

A decoder is fed what arrived and gives back the content found in it; once ``done``, what
lies behind the body is in ``rest``.
"""

from paceline.errors import BadRequest, ContentTooLarge, FieldsTooLarge
from paceline.http.grammar import CHUNK_SIZE, CONTROL, TOKEN

# A chunk's size line with its extensions.  Nobody sends extensions, so this is generous.
MAX_SIZE_LINE = 256


class LengthDecoder:
    """A body of as many bytes as Content-Length says (RFC 9112, 6.2)."""

    __slots__ = ("done", "left", "length", "rest")

    def __init__(self, length: int, limit: int) -> None:
        if limit and length > limit:
            raise ContentTooLarge(f"The body is longer than {limit} bytes.")
        self.length = self.left = length
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes that arrived; return the content among them."""
        if len(data) < self.left:
            self.left -= len(data)
            return data
        content, self.rest = data[: self.left], data[self.left :]
        self.left = 0
        self.done = True
        return content


class ChunkedDecoder:
    """A body in chunks (RFC 9112, 7.1), its trailer section read, bounded and dropped.

    Raises BadRequest for anything that is not the grammar to the letter, ContentTooLarge past
    ``limit`` bytes of content (0: no limit), FieldsTooLarge for too much of a trailer.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_left",
        "_limit",
        "_max_trailer",
        "_max_trailers",
        "_state",
        "_trailers",
        "done",
        "length",
        "rest",
    )

    def __init__(self, limit: int, max_trailers: int, max_trailer: int) -> None:
        self._limit, self._max_trailers, self._max_trailer = limit, max_trailers, max_trailer
        self._buffer = b""
        self._at = 0  # how far into the buffer this is
        self._left = 0  # of the chunk being read
        self._state = ChunkedDecoder._read_size
        self._trailers = 0
        self.length = 0
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes that arrived; return the content among them."""
        self._buffer += data
        content: list[bytes] = []
        while not self.done and self._state(self, content):
            pass
        self._buffer, self._at = self._buffer[self._at :], 0
        if self.done:
            self.rest, self._buffer = self._buffer, b""
        return b"".join(content)

    # Each state takes its part from the buffer; False where more bytes are needed.

    def _read_size(self, content: list[bytes]) -> bool:
        line = self._line(MAX_SIZE_LINE)
        if line is None:
            return False
        match = CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise BadRequest("A chunk's size is not hexadecimal digits.")
        self._left = int(match[1], 16)
        self.length += self._left
        if self._limit and self.length > self._limit:
            raise ContentTooLarge(f"The body is longer than {self._limit} bytes.")
        read_next = ChunkedDecoder._read_data if self._left else ChunkedDecoder._read_trailer
        self._state = read_next
        return True

    def _read_data(self, content: list[bytes]) -> bool:
        part = self._buffer[self._at : self._at + self._left]
        self._at += len(part)
        self._left -= len(part)
        content.append(part)
        if self._left:
            return False
        self._state = ChunkedDecoder._read_end_of_data
        return True

    def _read_end_of_data(self, content: list[bytes]) -> bool:
        end = self._buffer[self._at : self._at + 2]
        if not b"\r\n".startswith(end):
            raise BadRequest("A chunk is longer than its size says.")
        if len(end) < 2:
            return False
        self._at += 2
        self._state = ChunkedDecoder._read_size
        return True

    def _read_trailer(self, content: list[bytes]) -> bool:
        line = self._line(self._max_trailer)
        if line is None:
            return False
        if not line:
            self.done = True
            return True
        self._trailers += 1
        if self._trailers > self._max_trailers:
            raise FieldsTooLarge(f"More than {self._max_trailers} trailer fields.")
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not TOKEN.fullmatch(name) or CONTROL.search(value):
            raise BadRequest("A trailer field is malformed.")
        return True

    def _line(self, longest: int) -> bytes | None:
        """Take a line without its CRLF, or None where its end is not there yet."""
        end = self._buffer.find(b"\r\n", self._at)
        line = self._buffer[self._at : end if end >= 0 else None]
        if longest and len(line) > longest + (end < 0):  # a CR may wait for its LF
            raise FieldsTooLarge("A line within the body is too long.")
        if b"\n" in line:
            raise BadRequest("A line feed without its carriage return.")
        if end < 0:
            return None
        self._at = end + 2
        return line


LAST_CHUNK = b"0\r\n\r\n"


def encode_chunk(data: bytes) -> bytes:
    """Return ``data``, not empty, as one chunk (an empty one would end the body)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
