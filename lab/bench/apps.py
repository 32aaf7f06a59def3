"""Applications that cost next to nothing, so that what is measured is the server.

What the workloads on Django ask for stands in webapp/workload/.
"""

import hashlib
import time
from collections.abc import Iterable
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
