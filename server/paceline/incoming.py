"""Bytes of one connection → requests, whole with their bodies.

Where the bytes come from is not known here: ``feed`` may be given them in any pieces.
"""

import logging
from typing import IO

from paceline.errors import BadRequest, FieldsTooLarge, ServiceUnavailable, URITooLong
from paceline.http.body import ChunkedDecoder, LengthDecoder
from paceline.http.framing import frame
from paceline.http.grammar import EMPTY_LINES
from paceline.http.request import RequestHead, parse_head, parse_request_line
from paceline.limits import Limits
from paceline.wsgi.disk import Disk
from paceline.wsgi.input import BodyStore

# Bytes to receive at a time.  Bounded, since other clients wait while these are processed.
HEAD = 1 << 14  # a whole one, as a rule; larger blocks would cost the allocator more
BODY = 1 << 17  # a body with a length takes a microsecond or less for each 1,000 bytes
CHUNKS = 1 << 16  # a chunked one takes a hundred times as long, if its chunks are tiny

log = logging.getLogger("paceline.error")

Request = tuple[RequestHead, IO[bytes] | None, int, bool]
"""A head, its body if one came, the length of that, and whether the client wants the connection to
stay open."""


class Incoming:
    """What was received of the next request, and perhaps of those behind it."""

    __slots__ = (
        "_decoder",
        "_disk",
        "_keeps",
        "_limits",
        "_store",
        "begins",
        "head",
        "in_body",
        "received",
        "wanted",
        "wants_continue",
    )

    def __init__(self, limits: Limits, disk: Disk) -> None:
        self._limits = limits
        self._disk = disk
        self.head: RequestHead | None = None
        """Of the request being received, for the log; whoever takes a whole request resets it."""
        self._decoder: LengthDecoder | ChunkedDecoder | None = None
        self._store: BodyStore | None = None
        self._keeps = False
        self.received = b""
        """Not parsed yet: part of a head, a refused head, or what follows a whole request."""
        self.begins = False
        """Whether a head, or a body, has begun with the last ``feed``."""
        self.in_body = False
        """Whether the head is complete and its body is not."""
        self.wanted = HEAD
        """Bytes to receive at a time: HEAD, BODY or CHUNKS."""
        self.wants_continue = False
        """Whether the client waits for 100 Continue; whoever sends that resets it."""

    @property
    def body_length(self) -> int:
        """Return how many bytes of a body have come."""
        return self._store.length if self._store is not None else 0

    @property
    def request_line(self) -> str:
        """Return what is known of the request line of the request at hand, for the log."""
        if self.head is not None:
            return self.head.request_line
        line = self.received.partition(b"\r\n")[0]
        return line[: self._limits.request_line or None].decode("latin-1")

    def feed(self, data: bytes) -> Request | None:
        """Take what arrived; return a request once it is whole.  Raises RequestError.

        What is behind the request stays in ``received``, to be looked at with ``feed(b"")``.
        """
        if self.in_body:
            self.begins = False
            return self._read_body(data)
        arrived, before = data, self.received
        if before:
            data = before + data
        if data[:2] == b"\r\n":  # empty lines before a request line are skipped (RFC 9112, 2.2)
            data = EMPTY_LINES.sub(b"", data, 1)
        self.received = data
        raw, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            # A head begins with the first bytes on the connection, or with what came together with
            # the request before it (``feed(b"")``); not with more of what was held already.
            self.begins = bool(data) and not (before and arrived)
            self._check_beginning(data)
            return None
        limits = self._limits
        if len(raw) > limits.request_head:
            raise FieldsTooLarge(f"The head is longer than {limits.request_head} bytes.")
        head = self.head = parse_head(raw, limits)
        decoder, waits, keeps = frame(head, limits)
        self.received = rest
        if decoder is None:
            return head, None, 0, keeps
        self.in_body = self.begins = True
        self._decoder, self._keeps = decoder, keeps
        self.wanted = BODY if decoder.length else CHUNKS
        self._store = BodyStore(limits.body_in_memory, self._disk, decoder.length)
        self.received = b""
        self.wants_continue = waits and not rest
        return self._read_body(rest) if rest else None

    def _check_beginning(self, data: bytes) -> None:
        """Refuse a beginning that no further bytes could make a valid head of."""
        limits = self._limits
        line, end, _ = data.partition(b"\r\n")
        if limits.request_line and len(line) > limits.request_line + (not end):
            raise URITooLong(f"The request line is longer than {limits.request_line} bytes.")
        if end:
            parse_request_line(line.decode("latin-1"))
        line_ends = data.count(b"\r\n")
        if data.count(b"\n") != line_ends or data.count(b"\r", 0, -1) > line_ends:
            raise BadRequest("A CR or LF alone.")  # but for a CR at the end, whose LF may come
        if len(data) > limits.request_head + 3:  # of the four bytes that end it
            raise FieldsTooLarge(f"The head is longer than {limits.request_head} bytes.")

    def _read_body(self, data: bytes) -> Request | None:
        head, decoder, store = self.head, self._decoder, self._store
        assert head is not None
        assert decoder is not None
        assert store is not None
        content = decoder.feed(data)
        try:
            store.write(content)
            body = store.finish() if decoder.done else None
        except OSError as error:
            log.error("A body cannot be kept: %s", error)
            raise ServiceUnavailable("No room to keep the body.") from None
        if body is None:
            return None
        self._decoder = self._store = None
        self.in_body = False
        self.wanted = HEAD
        self.received = decoder.rest
        return head, body, decoder.length, self._keeps

    def discard(self) -> None:
        """Forget everything received."""
        if self._store is not None:
            self._store.discard()
        self.head = self._decoder = self._store = None
        self.in_body = False
        self.wanted = HEAD
        self.received = b""
