"""Applications that cost next to nothing, so that what is measured is the server.

What the workloads on Django ask for stands in webapp/workload/.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

HELLO = b"Hello, world\n"
WAITED = b"waited\n"
WAIT = 0.020
"""Seconds."""
WORK = 0.001
"""Seconds of CPU that a page of an ordinary application takes."""
ITERATIONS = 10_000
"""Of a key derivation: a few milliseconds."""
PIECE = 65_536
"""Bytes."""
JSON = b'{"message": "Hello, world", "numbers": [1, 2, 3]}'
MEGABYTE = b"x" * 1_000_000
SLOWLY = b"x" * 4_000_000
"""More than sockets hold, for a reader who takes minutes."""
PAGE = b"page\n"
DOWNLOAD = b"x" * 8_000_000


def hello(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Thirteen bytes at once."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [HELLO]


def wait(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Waits, as for a database that answers in ``WAIT`` seconds, and uses no CPU meanwhile."""
    time.sleep(WAIT)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [WAITED]


def released(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Uses some milliseconds of CPU in C, where the GIL is not held."""
    key = hashlib.pbkdf2_hmac("sha256", b"password", b"salt", ITERATIONS)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "65")])
    return [key.hex().encode() + b"\n"]


def upload(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Reads the body to its end and says how many bytes it had."""
    length = 0
    while piece := environ["wsgi.input"].read(PIECE):
        length += len(piece)
    said = b"%d\n" % length
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(said)))])
    return [said]


def victim(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A page that takes a bit of work, or at /large a download, of an application under attack."""
    if environ["PATH_INFO"] == "/large":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [DOWNLOAD]
    end = time.thread_time() + WORK
    while time.thread_time() < end:
        pass
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [PAGE]


def burn(seconds: float) -> None:
    """Computes in Python, with the GIL held, until this thread has used so much CPU."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))


def timed(*steps: Callable[[], object]) -> bytes:
    """Does some steps; what they took on the clock and of this thread's CPU, as JSON."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for step in steps:
        step()
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    return json.dumps({"wall_ms": wall * 1000, "cpu_ms": cpu * 1000}).encode()


def pieces() -> Iterator[bytes]:
    """Ten pieces of 10 kB, each after 1 ms."""
    for _ in range(10):
        time.sleep(0.001)
        yield b"x" * 10_000


VIEWS: dict[str, Callable[[], bytes]] = {
    "/json": lambda: JSON,
    "/wait/10": lambda: timed(lambda: time.sleep(0.010)),
    "/wait/100": lambda: timed(lambda: time.sleep(0.100)),
    "/cpu/5": lambda: timed(lambda: burn(0.005)),
    "/mixed": lambda: timed(lambda: burn(0.001), lambda: time.sleep(0.020), lambda: burn(0.001)),
    "/bytes": lambda: MEGABYTE,
    "/slowly": lambda: SLOWLY,
    "/": lambda: HELLO,
}


def views(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What the views of the applications under /workload/ do, in plain WSGI."""
    path = environ["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return pieces()
    body = VIEWS[path]()
    length = str(len(body))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", length)])
    return [body]
