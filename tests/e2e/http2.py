"""As much of an HTTP/2 client (RFC 9113) as it takes to see that a server speaks it."""

import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY = 0, 1, 4, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4

# HPACK (RFC 7541, appendix A): names and whole fields that have a number.
GET, SCHEME_HTTPS = b"\x82", b"\x87"
AUTHORITY, PATH = b"\x01", b"\x04"
STATUS = dict(enumerate((200, 204, 206, 304, 400, 404, 500), start=0x88))


class Answer(NamedTuple):
    """A whole answer: on which stream, its status where HPACK has a number for it, its body."""

    stream: int
    status: int | None
    body: bytes


class Connection:
    """A connection over TLS on which HTTP/2 was agreed. Several requests may be under way."""

    def __init__(self, host: str, port: int, certificate: Path, name: str | None = None) -> None:
        context = ssl.create_default_context(cafile=str(certificate))
        context.set_alpn_protocols(["h2", "http/1.1"])
        self._name = name or host
        plain = socket.create_connection((host, port), 30)
        try:
            self._socket = context.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise
        assert self._socket.selected_alpn_protocol() == "h2"
        self._reader = self._socket.makefile("rb")
        self._authority = f"{self._name}:{port}".encode()
        self._next_stream = 1
        self._socket.sendall(PREFACE)
        self._send(SETTINGS, 0, 0, b"")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, whatever is under way."""
        self._reader.close()
        self._socket.close()

    def get(self, path: str) -> int:
        """Asks for a path; returns the number of the stream that will have the answer."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        texts = ((PATH, path.encode()), (AUTHORITY, self._authority))
        fields = b"".join(name + bytes([len(text)]) + text for name, text in texts)
        self._send(HEADERS, END_STREAM | END_HEADERS, stream, GET + SCHEME_HTTPS + fields)
        return stream

    def answers(self, count: int) -> Iterator[Answer]:
        """The next whole answers, in the order in which they end."""
        status: dict[int, int | None] = {}
        bodies: dict[int, bytes] = defaultdict(bytes)
        while count:
            kind, flags, stream, payload = self._receive()
            assert kind != GOAWAY, payload
            if kind == SETTINGS and not flags & ACK:
                self._send(SETTINGS, ACK, 0, b"")
            elif kind == HEADERS:
                status[stream] = STATUS.get(payload[0])
            elif kind == DATA:
                bodies[stream] += payload
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                yield Answer(stream, status[stream], bodies[stream])
                count -= 1

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        head = len(payload).to_bytes(3) + struct.pack(">BBL", kind, flags, stream)
        self._socket.sendall(head + payload)

    def _receive(self) -> tuple[int, int, int, bytes]:
        head = self._reader.read(9)
        assert len(head) == 9, "the server has closed the connection"
        kind, flags, stream = struct.unpack(">BBL", head[3:])
        return kind, flags, stream, self._reader.read(int.from_bytes(head[:3]))
