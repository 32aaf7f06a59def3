"""Clients of each transport: a request in, the answer out, byte for byte."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from paceline.transport import pipe, shared_memory, spool
from paceline.transport.bridged import directory

PATIENCE = 30.0
"""Seconds for a whole answer."""
SIZE = 1 << 18


class Client(Protocol):
    """Asks one server."""

    def ask(self, request: bytes) -> bytes:
        """The whole answer.  Raises OSError."""

    def close(self) -> None:
        """Ends what is open."""


class Stream:
    """Keeps one connection for all of its requests, as long as the server does."""

    def __init__(self, connect: Callable[[], "Bytes"]) -> None:
        self._connect = connect
        self._bytes: Bytes | None = None

    def ask(self, request: bytes) -> bytes:
        """The whole answer.  Raises OSError."""
        if self._bytes is None:
            self._bytes = self._connect()
        self._bytes.send(request)
        answer = bytearray()
        size = None
        while size is None or len(answer) < size:
            part = self._bytes.receive()
            if not part:
                raise ConnectionError(f"the answer ended after {len(answer)} bytes")
            answer += part
            if size is None:
                size = whole_size(bytes(answer))
        return bytes(answer)

    def close(self) -> None:
        """Ends the connection."""
        if self._bytes is not None:
            self._bytes.close()
        self._bytes = None


class Bytes(Protocol):
    """A connection."""

    def send(self, data: bytes) -> None:
        """All of them."""

    def receive(self) -> bytes:
        """Some; none at the end."""

    def close(self) -> None:
        """Ends it."""


class Socket:
    """A connection over TCP or a Unix socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self.send = sock.sendall
        self.close = sock.close
        self._sock = sock

    def receive(self) -> bytes:
        """Some bytes; none at the end."""
        return self._sock.recv(SIZE)


class Spool:
    """A directory of files, each of which is a request or an answer."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def ask(self, request: bytes) -> bytes:
        """The whole answer.  Raises OSError."""
        return spool.ask(self._place, request, PATIENCE)

    def close(self) -> None:
        """Nothing is open."""


def whole_size(answer: bytes) -> int | None:
    """How many bytes an answer will have; None where its head is not whole yet."""
    head, end, _ = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    length = re.search(rb"\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if length is None:
        raise ConnectionError("an answer without a Content-Length")
    return len(head) + len(end) + int(length[1])


def client(bind: str) -> Client:
    """A client of what ``paceline --bind`` was told."""
    kind, _, place = bind.partition(":")
    if kind == "spool":
        return Spool(Path(place))
    if kind in ("pipe", "shm"):
        connect: Callable[[Path], Bytes]
        connect = pipe.connect if kind == "pipe" else shared_memory.connect
        return Stream(lambda: connect(directory(kind, place)))
    if kind == "unix":
        return Stream(lambda: Socket(_unix(place)))
    return Stream(lambda: Socket(socket.create_connection((kind, int(place)), PATIENCE)))


def _unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock
