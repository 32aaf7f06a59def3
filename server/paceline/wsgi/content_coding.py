"""Answers compressed with gzip, whatever the application is (RFC 9110, 8.4 and 12.5.3).

An application around the application, so that nothing is paid where it is not wanted.

    a Content-Encoding or a digest of its own, no-transform,
    a type that is compressed already, 1xx, 204, 205, 206     as it is
    304, whose type is seldom said                            with Vary, and weak if its ETag is
    shorter than ``least``                                    as it is
    any other                                                 gzip, if that is what the client wants

What depends on the client's wish says so (Vary).  A list or a tuple gets its new Content-Length;
anything else is a stream, each piece of which goes out before the next is asked for.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from paceline.errors import ApplicationError
from paceline.http.accept_encoding import wish
from paceline.http.response import encode_head
from paceline.wsgi.environ import Environ
from paceline.wsgi.file_wrapper import FileWrapper
from paceline.wsgi.gateway import Application
from paceline.wsgi.response import ExcInfo

Fields = list[tuple[str, str]]
Write = Callable[[bytes], object]

AS_THEY_ARE = ("1", "204", "205", "206", "304")
"""How statuses begin that have no body, or a part of one whose offsets mean what they say."""

BOUND_TO_THEIR_BYTES = frozenset(
    {"content-encoding", "content-range", "content-digest", "repr-digest", "digest", "content-md5"}
)
"""Fields that would no longer be true (RFC 9530 for digests)."""

GZIP = 16 + zlib.MAX_WBITS  # "+16": with gzip's head and trailer, RFC 1952


class Gzip:
    """The application with its answers compressed."""

    def __init__(
        self, application: Application, *, types: tuple[str, ...], least: int, level: int
    ) -> None:
        """``types`` may hold ``*``; ``least`` is in bytes; ``level`` is zlib's, 1 to 9."""
        self._application = application
        self.types = types
        self.least = least
        self.level = level

    def __call__(self, environ: Environ, start_response: Callable[..., Write]) -> Iterable[bytes]:
        """Call the application (PEP 3333)."""
        coder = _Coder(self, environ, start_response)
        return coder.body(self._application(environ, coder.start_response))


class _Coder:
    """One answer, undecided until its length is known, or known to be unknown."""

    def __init__(
        self, options: Gzip, environ: Environ, start_response: Callable[..., Write]
    ) -> None:
        self._options = options
        self._wish = wish(environ.get("HTTP_ACCEPT_ENCODING", ""))
        self._if_none_match: str = environ.get("HTTP_IF_NONE_MATCH", "")
        self._to_head = environ["REQUEST_METHOD"] == "HEAD"
        self._start_response = start_response
        self._undecided: tuple[str, Fields, ExcInfo] | None = None
        self._write: Write | None = None
        self._passing = False  # from here on the application talks to the server itself
        self._said: int | None = None  # the application's Content-Length
        self._given = 0  # bytes of its body
        self._deflate: Any = None

    def start_response(self, status: str, headers: Fields, exc_info: ExcInfo = None) -> Write:
        """Take status and fields, and pass them on as soon as it is plain what becomes of them."""
        if self._passing or self._given:
            return self._start_response(status, headers, exc_info)
        if not exc_info and (self._undecided or self._write):
            raise ApplicationError("start_response was called again without exc_info.")
        headers = list(headers)
        encode_head(status, headers)  # what is wrong with them is said to whoever gave them
        fields = {name.lower(): value for name, value in headers}
        self._deflate = self._undecided = self._said = None
        if _is_eligible(status, fields, self._options.types):
            self._undecided = status, headers, exc_info
            if "content-length" in fields:
                self._said = int(fields["content-length"])
                self._decide(self._said)
            return self.write
        if status.startswith("304"):  # the fields of the answer that the client has
            headers = _varying(headers)
            if f"W/{fields.get('etag')}" in self._if_none_match:
                headers = _weakened(headers)
        self._write = self._start_response(status, headers, exc_info)
        return self.write

    def _decide(self, length: int | None) -> None:
        """Pass status and fields on, for a body of ``length`` bytes or (None) one not yet known."""
        assert self._undecided
        status, headers, exc_info = self._undecided
        self._undecided = None
        # A client that refuses the plain answer does not get it because it is short.
        least = self._options.least if self._wish.identity else 0
        if length is None or length > max(least - 1, 0):
            headers = _varying(headers)
            if self._wish.gzip:
                headers = _weakened(headers, without={"content-length", "accept-ranges"})
                headers.append(("Content-Encoding", "gzip"))
                self._deflate = zlib.compressobj(self._options.level, zlib.DEFLATED, GZIP)
        self._write = self._start_response(status, headers, exc_info)

    def write(self, data: bytes) -> None:
        """Send a part of the body: what ``start_response`` returns."""
        if piece := self._coded(data):
            assert self._write
            self._write(piece)

    def body(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """Return what stands for the application's body."""
        length = None
        if type(result) in (list, tuple) and not self._given:
            length = sum(map(len, result))
        if self._undecided and (length is not None or not self._wish.gzip):
            self._decide(length)  # else the first piece shows whether there is anything
        if self._write and not self._deflate:
            self._passing = True
            return result
        if self._deflate and length is not None and self._said in (None, length):
            return [self._deflate.compress(b"".join(result)) + self._deflate.flush()]
        return _Stream(self._pieces(result), getattr(result, "close", None))

    def _pieces(self, result: Iterable[bytes]) -> Iterator[bytes]:
        for data in result:
            yield self._coded(data)
            if self._deflate and self._left < 0:
                break
        if self._undecided:
            self._decide(0)
        if self._deflate and not self._to_head:
            if self._left > 0:
                raise ApplicationError(f"The body is {self._left} bytes short of its length.")
            yield self._deflate.flush()
            if self._left < 0 and type(result) is not FileWrapper:  # which is cut, as elsewhere
                raise ApplicationError("The body is longer than its Content-Length.")

    def _coded(self, data: bytes) -> bytes:
        """Return a piece as it goes out at once; raises ApplicationError for what is no bytes."""
        if not data:
            return data
        if self._undecided:
            self._decide(None)
        if not isinstance(data, bytes):
            raise ApplicationError(f"The body holds {type(data).__name__}, not bytes.")
        room = len(data) if self._said is None else max(self._left, 0)
        self._given += len(data)
        if not self._deflate:
            return data
        coded = self._deflate.compress(data[:room]), self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return b"".join(coded)

    @property
    def _left(self) -> int:
        """Bytes still to come by the Content-Length, below 0 past it; 0 where none was said."""
        return 0 if self._said is None else self._said - self._given


class _Stream:
    """A body piece by piece, with the ``close`` of what it is made of."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], object] | None) -> None:
        self._pieces = pieces
        if close is not None:
            self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def _is_eligible(status: str, fields: dict[str, str], types: tuple[str, ...]) -> bool:
    """Tell whether such an answer is compressed for a client that likes it, if it is long."""
    return (
        not status.startswith(AS_THEY_ARE)
        and not BOUND_TO_THEIR_BYTES & fields.keys()
        and "no-transform" not in fields.get("cache-control", "").lower()
        and _fits(fields.get("content-type", ""), types)
    )


@lru_cache(maxsize=256)
def _fits(content_type: str, types: tuple[str, ...]) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return any(fnmatchcase(media_type, each) for each in types)


def _varying(headers: Fields) -> Fields:
    """Name the field that the answer depends on."""
    said = [value for name, value in headers if name.lower() == "vary"]
    names = {each.strip().lower() for value in said for each in value.split(",")}
    if names & {"accept-encoding", "*"}:
        return headers
    others = [field for field in headers if field[0].lower() != "vary"]
    return [*others, ("Vary", ", ".join([*said, "Accept-Encoding"]))]


def _weakened(headers: Fields, without: Iterable[str] = ()) -> Fields:
    """Say that the ETag's bytes are not the application's any more (RFC 9110, 8.8.3.3)."""
    return [
        (name, f"W/{value}" if name.lower() == "etag" and value.startswith('"') else value)
        for name, value in headers
        if name.lower() not in without
    ]
