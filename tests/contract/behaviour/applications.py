"""What the servers of the behaviour tests serve: one application for each path.

Each is checked by wsgiref.validate, but not below /raw/: for what it does not allow, and since it
wraps what an application returns and so hides from the server what that is.

A query's ``token`` names what happens, so that a test can wait for it; an application that is to
wait does so until the test opens the gate.
"""

import hashlib
import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse as Start
from wsgiref.types import WSGIEnvironment as Environ
from wsgiref.validate import validator

STATE = Path(os.environ["STATE"])
PATIENCE = 25.0  # seconds that a gate is waited for, less than a server has to stop
TEXT = ("Content-Type", "text/plain")

Query = dict[str, str]
View = Callable[[Environ, Start, Query], Iterable[bytes]]


class Intended(Exception):
    """What a test wants to be raised."""


def say(event: str) -> None:
    """Append a line, in one call, since several processes write."""
    descriptor = os.open(STATE / "events", os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, f"{event}\n".encode())
    os.close(descriptor)


def wait_for_gate(token: str) -> None:
    say(f"waiting {token}")
    deadline = time.monotonic() + PATIENCE
    while not (STATE / token).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody opened {token}")
        time.sleep(0.005)


class Body:
    """Parts of a body, which says when it is closed."""

    def __init__(self, parts: Iterable[bytes], token: str) -> None:
        self._parts = parts
        self._token = token

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts

    def close(self) -> None:
        say(f"closed {self._token}")


# --- what stands before wsgiref.validate ----------------------------------------------------------


def hello(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    start("200 OK", [TEXT])
    return [b"hello"]


def inspect(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """All of the environ that JSON can say."""
    plain = {
        key: value for key, value in environ.items() if isinstance(value, str | bool | tuple | int)
    }
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(plain).encode()]


def echo(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    say(f"called {query.get('token')}")
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start("200 OK", [TEXT])
    return [body]


def digest(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """The body's length and hash, read piece by piece in the way that was asked for."""
    source = environ["wsgi.input"]
    ways: dict[str, Callable[[], Iterable[bytes]]] = {
        "sized": lambda: iter(lambda: source.read(1000), b""),
        "past": lambda: [source.read(int(environ["CONTENT_LENGTH"]) + 10), source.read(10)],
        "all": lambda: [source.read(-1), source.read(-1)],
        "line": lambda: iter(source.readline, b""),
        "short lines": lambda: iter(lambda: source.readline(7), b""),
        "lines": source.readlines,
        "some lines": lambda: [*source.readlines(100), *iter(source.readline, b"")],
        "each": lambda: source,
    }
    taken = hashlib.sha256()
    pieces = length = 0
    for piece in ways[query["how"]]():
        taken.update(piece)
        pieces += 1
        length += len(piece)
    start("200 OK", [TEXT])
    return [json.dumps([length, taken.hexdigest(), pieces, source.read(5).decode()]).encode()]


def parts(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """``count`` parts of ``size`` bytes, with a length where it was asked for."""
    number, size = int(query["count"]), int(query["size"])
    fields = [TEXT]
    if "length" in query:
        fields.append(("Content-Length", query["length"]))
    start(query.get("status", "200 OK"), fields)
    return Body((bytes([65 + at % 26]) * size for at in range(number)), query.get("token", ""))


def whole(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    start("200 OK", [TEXT])
    return [b"w" * int(query["size"])]


def large(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """What the attacks of the bench ask for: more than sockets hold."""
    start("200 OK", [TEXT])
    return [b"l" * 8_000_000]


def endless(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    def go_on() -> Iterator[bytes]:
        while True:
            yield b"e" * 10_000

    start("200 OK", [TEXT])
    return Body(go_on(), query["token"])


def bodiless(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """A status that has no body, with one all the same where it was asked for."""
    start(query["status"], [("ETag", '"1"')])
    return Body([b"x"] * int(query.get("count", "0")), query.get("token", ""))


def write(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    send = start("200 OK", [TEXT])
    send(b"one ")
    send(b"two ")
    return [b"three ", b"four"]


def write_then_wait(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    start("200 OK", [TEXT])(b"at once")
    wait_for_gate(query["token"])
    return []


def yield_then_wait(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    def go_on() -> Iterator[bytes]:
        yield b"at once".ljust(int(query.get("size", 0)), b"!")
        wait_for_gate(query["token"])
        yield b" and later"

    start("200 OK", [TEXT])
    return go_on()


def block(number: int) -> bytes:
    """10,000 bytes by which their place in a body can be told."""
    return b"%09d\n" % number * 1000


def stubborn(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Goes on writing when it was told that nobody listens."""
    send = start("200 OK", [TEXT])
    told = False
    for number in range(1000):
        try:
            send(block(number))
        except Exception:
            if not told:
                say(f"told {query['token']}")
            told = True
    return []


def wait(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    wait_for_gate(query["token"])
    start("200 OK", [TEXT])
    return [b"waited"]


def burn(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Use a thread's CPU until the gate is open, looking for that now and then alone."""
    say(f"waiting {query['token']}")
    deadline = time.monotonic() + PATIENCE
    while not (STATE / query["token"]).exists() and time.monotonic() < deadline:
        for _ in range(100):
            sum(range(100_000))
    start("200 OK", [TEXT])
    return [b"burnt"]


def hoard(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Take every descriptor that there is until the gate is open."""
    taken: list[int] = []
    lines = os.open(STATE / "events", os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        os.write(lines, f"waiting {query['token']}\n".encode())
    deadline = time.monotonic() + PATIENCE
    while not (STATE / query["token"]).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    for descriptor in (lines, *taken):
        os.close(descriptor)
    start("200 OK", [TEXT])
    return [b"hoarded"]


def exc_info_before(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    start("200 OK", [TEXT, ("X-First", "1")])
    try:
        raise Intended
    except Intended:
        start("503 Sorry", [TEXT], sys.exc_info())
    return [b"sorry"]


def exc_info_after(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    def go_on() -> Iterator[bytes]:
        yield b"begun"
        try:
            raise Intended
        except Intended:
            start("503 Sorry", [TEXT], sys.exc_info())
        say(f"went on {query['token']}")

    start("200 OK", [TEXT])
    return Body(go_on(), query["token"])


def fail(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Raise where it was asked for."""
    at, error = query["at"], SystemExit(3) if "exit" in query else Intended(query["token"])

    def go_on() -> Iterator[bytes]:
        if at == "first":
            raise error
        yield b"begun"
        if at == "later":
            raise error

    class Failing(Body):
        def close(self) -> None:
            super().close()
            if at == "close":
                raise error
            if at == "write":
                send(b"late")

    if at == "call":
        raise error
    if at == "group":
        raise BaseExceptionGroup("two", [error, KeyboardInterrupt()])
    send = start("200 OK", [TEXT])
    if at == "started":
        raise error
    if at == "written":
        send(b"begun")
        raise error
    return Failing(go_on(), query["token"])


def hop_by_hop(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    fields = [("Transfer-Encoding", "gzip"), ("Keep-Alive", "timeout=5"), ("Upgrade", "h2c")]
    start("200 OK", [TEXT, ("Connection", query["connection"]), ("X-Kept", "1"), *fields])
    return [b"a", b"b"]


def process(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    start("200 OK", [TEXT])
    return [json.dumps([os.getpid(), time.process_time(), threading.active_count()]).encode()]


# --- what does not, to be asked for below /raw/ ---------------------------------------------------


def file(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Part of a file through wsgi.file_wrapper."""
    content: BinaryIO = (STATE / query["name"]).open("rb")
    content.seek(int(query.get("offset", 0)))
    if "memory" in query:
        with content:
            content = io.BytesIO(content.read())
    close, token = content.close, query.get("token", "")

    def tell_and_close() -> None:
        say(f"closed {token}")
        close()

    content.close = tell_and_close  # type: ignore[method-assign]
    fields = [TEXT]
    if "length" in query:
        fields.append(("Content-Length", query["length"]))
    start("200 OK", fields)
    return environ["wsgi.file_wrapper"](content, 8192)  # type: ignore[no-any-return]


def pipe(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """What has a descriptor and is no file."""
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    start("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](os.fdopen(reading, "rb"))  # type: ignore[no-any-return]


def read_all(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """read() with no size is the whole body, as of a file."""
    source = environ["wsgi.input"]
    start("200 OK", [TEXT])
    return [source.read() + source.read() + source.readline()]


def start_late(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    yield b""
    start("201 Created", [TEXT])
    yield b"late"


def bad(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """An answer that must not be sent."""
    answers: dict[str, tuple[Any, list[Any], Any]] = {
        "no start": (None, [], [b"x"]),
        "no start, no body": (None, [], []),
        "text": ("200 OK", [TEXT], ["x"]),
        "text in parts": ("200 OK", [TEXT], iter(["x", "y"])),
        "text later": ("200 OK", [TEXT], iter([b"x", "y"])),
        "none": ("200 OK", [TEXT], None),
        "status": ("200", [TEXT], [b"x"]),
        "interim": ("100 Continue", [TEXT], [b"x"]),
        "status with a line": ("200 OK\r\nX-Split: 1", [TEXT], [b"x"]),
        "value with a line": ("200 OK", [TEXT, ("X", "a\r\nX-Split: 1")], [b"x"]),
        "value with LF": ("200 OK", [TEXT, ("X", "a\nX-Split: 1")], [b"x"]),
        "value with CR": ("200 OK", [TEXT, ("X", "a\rX-Split: 1")], [b"x"]),
        "value with NUL": ("200 OK", [TEXT, ("X", "a\0")], [b"x"]),
        "name with a line": ("200 OK", [TEXT, ("X: a\r\nX-Split", "1")], [b"x"]),
        "name with a colon": ("200 OK", [TEXT, ("X-Split: a", "1")], [b"x"]),
        "value past latin-1": ("200 OK", [TEXT, ("X", "\u20ac")], [b"x"]),
        "value of bytes": ("200 OK", [TEXT, ("X", b"a")], [b"x"]),
        "two lengths": ("200 OK", [("Content-Length", "1"), ("Content-Length", "2")], [b"x"]),
        "the same length twice": ("200 OK", [("Content-Length", "1")] * 2, [b"x"]),
        "length of text": ("200 OK", [("Content-Length", "one")], [b"x"]),
        "started twice": ("twice", [TEXT], [b"x"]),
    }
    status, fields, body = answers[query["what"]]
    if status == "twice":
        start("200 OK", fields)
        status = "404 Not Found"
    if status is not None:
        start(status, fields)
    return body  # type: ignore[no-any-return]


def fork(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Fork; the child leaves as it was asked to, the parent tells its exit status."""

    def of_both() -> Iterator[bytes]:
        if query["child"] == "goes on":
            yield b"begun "
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            yield b"exit status %d" % os.waitstatus_to_exitcode(status)
        elif query["child"] == "exits":
            sys.exit(7)
        elif query["child"] == "raises":
            raise Intended(query["token"])
        elif query["child"] != "ends":
            yield b"child"

    start("200 OK", [TEXT])
    return [b"".join(of_both())] if query["child"] == "returns" else of_both()


def daemon(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    """Fork a process that lives on; its pid."""
    child = os.fork()
    if not child:
        try:
            wait_for_gate(query["token"])
        finally:
            os._exit(0)
    start("200 OK", [TEXT])
    return [b"%d" % child]


def wrong_length(environ: Environ, start: Start, query: Query) -> Iterable[bytes]:
    start("200 OK", [TEXT, ("Content-Length", query["length"])])
    return Body([b"x"] * int(query["count"]), query["token"])


CHECKED: tuple[View, ...] = (
    *(hello, inspect, echo, digest, parts, whole, large, endless, bodiless, write, write_then_wait),
    *(
        stubborn,
        yield_then_wait,
        wait,
        burn,
        hoard,
        exc_info_before,
        exc_info_after,
        fail,
        hop_by_hop,
        process,
    ),
)
UNCHECKED: tuple[View, ...] = (file, pipe, read_all, start_late, bad, fork, daemon, wrong_length)
VIEWS = {view.__name__: view for view in (*CHECKED, *UNCHECKED)}


def dispatch(environ: Environ, start: Start) -> Iterable[bytes]:
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    name = environ["PATH_INFO"].removeprefix("/raw").lstrip("/").partition("/")[0]
    return VIEWS.get(name, hello)(environ, start, query)


checked = validator(dispatch)


def application(environ: Environ, start: Start) -> Iterable[bytes]:
    serve = dispatch if environ["PATH_INFO"].startswith("/raw/") else checked
    return serve(environ, start)
