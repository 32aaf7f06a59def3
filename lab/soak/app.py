"""What the soak asks for: an answer at once, a large one, a wait, a body given back, errors."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

HELLO = b"Hello, world\n"
PIECE = b"l" * 50_000
PIECES = 20
WAIT = 0.010
"""Seconds."""


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Whatever its path names, hello where it names nothing."""
    view = VIEWS.get(environ["PATH_INFO"])
    if view is None:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [HELLO]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return view(environ)


def _json(environ: WSGIEnvironment) -> Iterable[bytes]:
    fields = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    return [json.dumps({"fields": fields, "numbers": list(range(200))}).encode()]


def _echo(environ: WSGIEnvironment) -> Iterable[bytes]:
    return [environ["wsgi.input"].read()]


def _large(environ: WSGIEnvironment) -> Iterable[bytes]:
    return iter([PIECE] * PIECES)


def _wait(environ: WSGIEnvironment) -> Iterable[bytes]:
    time.sleep(WAIT)
    return [HELLO]


def _fails(environ: WSGIEnvironment) -> Iterable[bytes]:
    raise RuntimeError("an application that fails")


def _fails_later(environ: WSGIEnvironment) -> Iterator[bytes]:
    yield HELLO
    raise RuntimeError("an application that fails when its answer has begun")


VIEWS: dict[str, Callable[[WSGIEnvironment], Iterable[bytes]]] = {
    "/json": _json,
    "/echo": _echo,
    "/large": _large,
    "/wait": _wait,
    "/fails": _fails,
    "/fails-later": _fails_later,
}
