"""Small real servers for a client's tests: each does with one connection what it is told to."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk, family: int = socket.AF_INET, address: object = ("127.0.0.1", 0)):
    """A server that talks with one connection after the other; gives where it listens."""
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        thread = threading.Thread(target=accept, args=(listener, talk), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def accept(listener: socket.socket, talk: Talk) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            if listener.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                talk(connection)
            except OSError:
                pass  # the client has gone


def read_head(connection: socket.socket) -> bytes:
    """The head of a request, and whatever came with it."""
    received = b""
    while b"\r\n\r\n" not in received and (piece := connection.recv(65536)):
        received += piece
    return received


def answering(*pieces: bytes, seen: list[bytes] | None = None) -> Talk:
    """Reads a head, sends pieces, closes."""

    def talk(connection: socket.socket) -> None:
        head = read_head(connection)
        if seen is not None:
            seen.append(head)
        for piece in pieces:
            connection.sendall(piece)

    return talk


def over_tls(talk: Talk, certificate: Path, key: Path) -> Talk:
    """The same over TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            talk(secured)

    return secure


@contextmanager
def serving(*pieces: bytes, seen: list[bytes] | None = None) -> Iterator[str]:
    """A server that answers every request with these bytes; gives its URL."""
    with listening(answering(*pieces, seen=seen)) as (host, port):
        yield f"http://{host}:{port}"
