"""The two codings of a body: a length said beforehand, and chunks.

A decoder is fed what arrived and gives back the content found in it; once ``done``, what
lies behind the body is in ``rest``.
"""

import math

from paceline.errors import BadRequest, ContentTooLarge, FieldsTooLarge
from paceline.http.grammar import CHUNK_SIZE, CONTROL, PLAIN_JOINT, TOKEN
from paceline.limits import Limits

# A chunk's size line with its extensions.  Nobody sends extensions, so this is generous.
MAX_SIZE_LINE = 256
# What one body may have of them: without a bound each octet of it could cost 255 (RFC 9112, 7.1.1).
MAX_EXTENSIONS = 1 << 14

# What stands before a tiny chunk that follows another, and how many octets that one has.
TINY = {b"\r\n%c\r\n" % digit: int(chr(digit), 16) for digit in b"123456789abcdefABCDEF"}
TINY_JOINT = len(b"\r\n1\r\n")


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
    """A body in chunks (RFC 9112, 7.1); its trailers are read, bounded as a head is, and dropped.

    Raises BadRequest for anything that is not the grammar to the letter, ContentTooLarge for too
    much content, FieldsTooLarge for too much of a trailer or of chunk extensions.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_extensions",
        "_left",
        "_limit",
        "_limits",
        "_state",
        "_trailer_size",
        "_trailers",
        "done",
        "length",
        "rest",
    )

    def __init__(self, limits: Limits) -> None:
        self._limit, self._limits = limits.request_body, limits
        self._buffer = b""
        self._at = 0  # how far into the buffer this is
        self._left = 0  # of the chunk being read
        self._state = ChunkedDecoder._read_size
        self._extensions = self._trailers = self._trailer_size = 0
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
        size = match[1]
        if size != line:
            self._extensions += len(line) - len(size)
            if self._extensions > MAX_EXTENSIONS:
                raise FieldsTooLarge(f"More than {MAX_EXTENSIONS} bytes of chunk extensions.")
        self._left = int(size, 16)
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
        self._take_plain(content)
        end = self._buffer[self._at : self._at + 2]
        if not b"\r\n".startswith(end):
            raise BadRequest("A chunk is longer than its size says.")
        if len(end) < 2:
            return False
        self._at += 2
        self._state = ChunkedDecoder._read_size
        return True

    def _take_plain(self, content: list[bytes]) -> None:
        """Take all chunks that are here whole, without extensions and within the limit.

        The states can do that too, for ten times as much: a client that sends an octet in each
        chunk would have a core for 1 MB/s.  What is out of the ordinary is left to them.
        """
        buffer, at, length = self._buffer, self._at, self.length
        limit = self._limit or math.inf
        while True:
            start = at + TINY_JOINT
            size = TINY.get(buffer[at:start])
            if size is None:
                match = PLAIN_JOINT.match(buffer, at)
                if match is None:
                    break
                size, start = int(match[1], 16), match.end()
            end = start + size
            if not size or end > len(buffer) or length + size > limit:
                break
            content.append(buffer[start:end])
            at, length = end, length + size
        self._at, self.length = at, length

    def _read_trailer(self, content: list[bytes]) -> bool:
        limits = self._limits
        line = self._line(limits.request_field_size or limits.request_head)
        if not line:
            self.done = line is not None
            return self.done
        self._trailers += 1
        self._trailer_size += len(line) + 2
        if self._trailers > limits.request_fields or self._trailer_size > limits.request_head:
            raise FieldsTooLarge("More trailer fields than a head may have fields.")
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not TOKEN.fullmatch(name) or CONTROL.search(value):
            raise BadRequest("A trailer field is malformed.")
        return True

    def _line(self, longest: int) -> bytes | None:
        """Take a line without its CRLF, or None where its end is not there yet.

        Of two faults that counts which is passed first, however the octets arrive.
        """
        end = self._buffer.find(b"\r\n", self._at)
        line = self._buffer[self._at : end if end >= 0 else None]
        if b"\n" in line[: longest + 1]:
            raise BadRequest("A line feed without its carriage return.")
        waits = end < 0  # and a CR at its end may wait for its LF
        if b"\r" in line[: min(longest, len(line) - waits)]:
            raise BadRequest("A carriage return without its line feed.")
        if len(line) > longest + waits:
            raise FieldsTooLarge("A line within the body is too long.")
        if waits:
            return None
        self._at = end + 2
        return line


LAST_CHUNK = b"0\r\n\r\n"


def encode_chunk(data: bytes) -> bytes:
    """Return ``data``, not empty, as one chunk (an empty one would end the body)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
