"""A client over any socket: it sends what it is told, and reads answers to the letter."""

import re
import socket
from dataclasses import dataclass
from typing import Self

Address = tuple[str, int] | str

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)\r\n")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)\r\n")
CHUNK_SIZE = re.compile(rb"([0-9a-f]+)\r\n")
LONGEST_LINE = 1 << 16


class Cut(AssertionError):
    """The connection ended in the midst of an answer."""


@dataclass(frozen=True)
class Answer:
    """One answer; field names in lower case."""

    status: int
    phrase: str
    fields: dict[str, str]
    body: bytes
    interim: tuple[int, ...] = ()

    @property
    def closes(self) -> bool:
        return self.fields.get("connection") == "close"


def get(target: str = "/", *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Return the bytes of a request without a body."""
    lines = [f"{method} {target} HTTP/{version}", "Host: a", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


def post(target: str, body: bytes, *fields: str) -> bytes:
    return get(target, f"Content-Length: {len(body)}", *fields, method="POST") + body


def post_chunked(target: str, *chunks: bytes) -> bytes:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return get(target, "Transfer-Encoding: chunked", method="POST") + framed


class Client:
    """One connection.  Each wait ends with TimeoutError at the latest by the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._reader = sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()  # which holds the socket open
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def ask(self, data: bytes, to_head: bool = False) -> Answer:
        """Send a request and read its answer."""
        self.send(data)
        return self.answer(to_head)

    def get(self, target: str = "/", *fields: str) -> Answer:
        return self.ask(get(target, *fields))

    def answer(self, to_head: bool = False) -> Answer:
        """Read one final answer, with the interim ones before it."""
        interim: list[int] = []
        while True:
            status, phrase, fields = self.head()
            if status >= 200:
                break
            assert not fields
            interim.append(status)
        body = self._body(status, fields, to_head)
        return Answer(status, phrase, fields, body, tuple(interim))

    def head(self) -> tuple[int, str, dict[str, str]]:
        """Read status line and fields."""
        first = self._line()
        match = STATUS_LINE.fullmatch(first)
        assert match, f"not a status line: {first!r}"
        fields: dict[str, str] = {}
        while (line := self._line()) != b"\r\n":
            field = FIELD_LINE.fullmatch(line)
            assert field, f"not a field line: {line!r}"
            name = field[1].decode().lower()
            assert name not in fields, f"twice in an answer: {name}"
            fields[name] = field[2].decode("latin-1")
        return int(match[1]), match[2].decode("latin-1"), fields

    def _body(self, status: int, fields: dict[str, str], to_head: bool) -> bytes:
        if to_head or status in (204, 304):
            return b""
        if fields.get("transfer-encoding") == "chunked":
            assert "content-length" not in fields
            return b"".join(iter(self.chunk, b""))
        if "content-length" in fields:
            return self.take(int(fields["content-length"]))
        assert fields.get("connection") == "close", "an answer whose end nobody can see"
        return self._reader.read()

    def chunk(self) -> bytes:
        """Read one chunk; empty: the last."""
        line = self._line()
        match = CHUNK_SIZE.fullmatch(line)
        assert match, f"not a chunk's size: {line!r}"
        data = self.take(int(match[1], 16))
        assert self.take(2) == b"\r\n"
        return data

    def take(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise Cut(f"{len(data)} bytes of {size}")
        return data

    def _line(self) -> bytes:
        line = self._reader.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise Cut(f"ended behind {line!r}")
        return line

    def rest(self) -> bytes:
        """Read until the server closes."""
        return self._reader.read()

    def was_closed(self) -> bool:
        """Wait for the server's end of the connection: nothing more, and no reset."""
        return self._reader.read(1) == b""
