"""A client that shows what is on the wire: it sends any octets and reads answers to the letter."""

import fcntl
import re
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from paceline.transport.bridge import Link, carry

DEADLINE = 10.0  # seconds for one conversation; reached only where something hangs

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)")
CHUNK_SIZE = re.compile(rb"[0-9a-f]+")

Address = tuple[str, int] | str | Callable[[], Link]
"""Of TCP, of a Unix socket, or how to get one's end of something else."""


@dataclass(frozen=True)
class Answer:
    """One final answer; field names in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def closes(self) -> bool:
        return self.fields.get("connection", "").lower() == "close"


def connected(address: Address) -> socket.socket:
    """A socket; where the server is reached by something else, one whose bytes are carried."""
    if callable(address):
        mine, carried = socket.socketpair()
        threading.Thread(target=carry, args=(address(), carried), daemon=True).start()
        return mine
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(DEADLINE)
    sock.connect(address)
    return sock


class Connection:
    """One connection.  Every wait in here fails with TimeoutError once the deadline has passed."""

    def __init__(self, address: Address) -> None:
        self.sock = connected(address)
        self.sock.setblocking(False)
        self.deadline = time.monotonic() + DEADLINE
        self.received = b""
        self.outgoing = memoryview(b"")
        self.ended = False  # the server has said all that it will say
        self.was_reset = False

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Have ``data`` sent by whatever waits next, so that no answer is left unread meanwhile."""
        assert not self.outgoing
        self.outgoing = memoryview(data)
        self._pump(0)

    def send_in_pieces(self, data: bytes, size: int) -> None:
        """Send so that the server gets ``size`` bytes at a time.

        On a Unix socket of Linux the queue of what was sent is empty once the server has read it;
        elsewhere pieces may arrive together.
        """
        for start in range(0, len(data), size):
            if self.ended:
                return
            self.send(data[start : start + size])
            while (self.outgoing or self._unread()) and not self.ended:
                self._pump(0)

    def shutdown(self) -> None:
        """Send what is left, then say that no more will come."""
        while self.outgoing:
            self._pump()
        if not self.ended:
            self.sock.shutdown(socket.SHUT_WR)

    def read_answer(self, bodiless: bool = False) -> Answer:
        """Read one final answer and what interim ones there are before it."""
        interim: list[int] = []
        while True:
            status, fields = self._read_head()
            if status >= 200:
                break
            interim.append(status)
        if bodiless or status in (204, 304):
            body = b""
        elif fields.get("transfer-encoding") == "chunked":
            body = self._read_chunks()
        elif "content-length" in fields:
            body = self._take(int(fields["content-length"]))
        else:
            body = self.read_rest()
        return Answer(status, fields, body, tuple(interim))

    def more(self) -> bool:
        """Wait until there is something to read, and return True, or until the server closes."""
        while not self.received and not self.ended:
            self._pump()
        return bool(self.received)

    def read_rest(self) -> bytes:
        """Read until the server closes; return what was left."""
        while not self.ended:
            self._pump()
        rest, self.received = self.received, b""
        return rest

    def _read_head(self) -> tuple[int, dict[str, str]]:
        head = self._take_until(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        match = STATUS_LINE.fullmatch(status_line)
        assert match, f"not a status line: {status_line!r}"
        fields: dict[str, str] = {}
        for line in lines:
            field = FIELD_LINE.fullmatch(line)
            assert field, f"not a field line: {line!r}"
            name = field[1].decode().lower()
            assert name not in fields, f"twice in an answer: {name}"
            fields[name] = field[2].decode("latin-1")
        return int(match[1]), fields

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            size = self._take_until(b"\r\n")
            assert CHUNK_SIZE.fullmatch(size), f"not a chunk's size: {size!r}"
            data = self._take(int(size, 16))
            assert self._take(2) == b"\r\n"
            if not data:
                return body
            body += data

    def _take_until(self, end: bytes) -> bytes:
        while end not in self.received:
            assert not self.ended, f"closed within an answer: {self.received!r}"
            self._pump()
        taken, _, self.received = self.received.partition(end)
        return taken

    def _take(self, size: int) -> bytes:
        while len(self.received) < size:
            assert not self.ended, f"closed within an answer: {self.received!r}"
            self._pump()
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def _pump(self, timeout: float = DEADLINE) -> None:
        """Send and receive what can be now; wait for either at most ``timeout`` seconds."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no end after {DEADLINE:g} s; received so far: {self.received!r}")
        poller = select.poll()
        poller.register(self.sock, select.POLLIN | (select.POLLOUT if self.outgoing else 0))
        for _, event in poller.poll(min(timeout, left) * 1000):
            if event & ~select.POLLOUT:
                self._receive()
            if event & select.POLLOUT and not self.ended:
                self._send()

    def _receive(self) -> None:
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data, self.was_reset = b"", True
        self.received += data
        if not data:
            self.ended = True
            self.outgoing = memoryview(b"")

    def _send(self) -> None:
        try:
            self.outgoing = self.outgoing[self.sock.send(self.outgoing) :]
        except (BrokenPipeError, ConnectionResetError):
            self.outgoing = memoryview(b"")  # not taken any more; an answer may still be there

    def _unread(self) -> int:
        """Bytes that the server has not read yet (Linux, Unix sockets; 0 where not known)."""
        if self.sock.family != socket.AF_UNIX or not hasattr(termios, "TIOCOUTQ"):
            return 0
        waiting: int = struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0" * 4))[0]
        return waiting
