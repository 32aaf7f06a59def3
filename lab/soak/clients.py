"""The clients of a soak: `python -m lab.soak.clients HOST:PORT SECONDS SEED`.

Each of several threads pays visit after visit, of the kinds and in the shares of VISITS, and looks
at every answer.  At the end a line of JSON says how many requests there were, and what went wrong.
A process of their own: what they use is not the server's.
"""

import http.client
import json
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator

from lab.soak.app import HELLO, PIECE, PIECES

THREADS = 8
PATIENCE = 30.0
"""Seconds for an answer, which a busy machine does not reach."""
MOST_TOLD = 10
RESET = struct.pack("ii", True, 0)
LARGE = PIECE * PIECES

Address = tuple[str, int]
Visit = Callable[[Address], Iterator[str]]
"""Yields for each request what was wrong with its answer; empty: nothing."""


def hello(address: Address) -> Iterator[str]:
    """Forty small answers over one connection."""
    return _ask(address, 40, "GET", "/", b"", 200, HELLO)


def documents(address: Address) -> Iterator[str]:
    """Ten answers that the application has to make."""
    return _ask(address, 10, "GET", "/json", b"", 200, None)


def posts(address: Address) -> Iterator[str]:
    """Bodies that are given back, by length and in chunks, and one that is put on the disk."""
    yield from _ask(address, 5, "POST", "/echo", b"b" * 10_000, 200, b"b" * 10_000)
    yield from _ask(address, 2, "POST", "/echo", b"c" * 10_000, 200, b"c" * 10_000, chunked=True)
    if random.random() < 0.05:
        yield from _ask(address, 1, "POST", "/echo", b"d" * 1_500_000, 200, b"d" * 1_500_000)


def large(address: Address) -> Iterator[str]:
    """Answers of a megabyte in pieces."""
    return _ask(address, 2, "GET", "/large", b"", 200, LARGE)


def waits(address: Address) -> Iterator[str]:
    """Views that wait, so that threads come and go."""
    return _ask(address, 5, "GET", "/wait", b"", 200, HELLO)


def errors(address: Address) -> Iterator[str]:
    """An application that fails before and within its answer, and what is no HTTP."""
    yield from _ask(address, 1, "GET", "/fails", b"", 500, None)
    with _connect(address) as sock:
        sock.sendall(b"GET /fails-later HTTP/1.1\r\nHost: a\r\n\r\n")
        yield "" if not _all_of(sock).endswith(b"0\r\n\r\n") else "half an answer looked whole"
    with _connect(address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n")
        yield "" if _all_of(sock).startswith(b"HTTP/1.1 400 ") else "not 400"


def leaves(address: Address) -> Iterator[str]:
    """Clients that go: within a head, a body, an answer; some of them with a reset."""
    body = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + b"x" * 40_000
    for said in (b"", b"GET / HT", body, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"):
        with _connect(address) as sock:
            sock.sendall(said)
            if said.startswith(b"GET /large"):
                sock.recv(1000)
            if random.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        yield ""


VISITS: dict[Visit, int] = {
    hello: 50,
    documents: 20,
    posts: 10,
    large: 5,
    waits: 5,
    errors: 5,
    leaves: 5,
}


def _ask(
    address: Address,
    times: int,
    method: str,
    path: str,
    body: bytes,
    status: int,
    expected: bytes | None,
    chunked: bool = False,
) -> Iterator[str]:
    """The same request again and again over one connection."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    try:
        for _ in range(times):
            content = iter([body[:5000], body[5000:]]) if chunked else body or None
            connection.request(method, path, content, encode_chunked=chunked)
            answer = connection.getresponse()
            found = answer.read()
            good = answer.status == status and expected in (None, found)
            yield "" if good else f"{method} {path}: {answer.status}, {len(found)} bytes"
    finally:
        connection.close()


def _connect(address: Address) -> socket.socket:
    return socket.create_connection(address, timeout=PATIENCE)


def _all_of(sock: socket.socket) -> bytes:
    """What comes until the end, be it a reset."""
    received = b""
    try:
        while data := sock.recv(1 << 16):
            received += data
    except ConnectionResetError:
        pass
    return received


class Crowd:
    """Threads that visit until their time is up."""

    def __init__(self, address: Address, seconds: float) -> None:
        self._address = address
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self.requests = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Blocks until all have left."""
        threads = [threading.Thread(target=self._visit) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _visit(self) -> None:
        while time.monotonic() < self._until:
            (visit,) = random.choices(list(VISITS), [*VISITS.values()])
            found: list[str] = []
            try:
                found += visit(self._address)
            except (OSError, http.client.HTTPException) as error:
                found.append(f"{visit.__name__}: {error!r}")
            with self._lock:
                self.requests += len(found)
                self.wrong += [why for why in found if why][: MOST_TOLD - len(self.wrong)]


def main(address: str, seconds: str, seed: str) -> None:
    """Visit, and say what became of it."""
    random.seed(seed)
    host, _, port = address.rpartition(":")
    crowd = Crowd((host, int(port)), float(seconds))
    crowd.run()
    print(json.dumps({"requests": crowd.requests, "wrong": crowd.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
