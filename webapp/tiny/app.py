"""The workloads and the inspection of the Django application, on the framework beside this file.

Same addresses, bounds and answers, so that whoever puts one in the other's place sees what the
framework costs and nothing else.
"""

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from .framework import DIGITS, App, HTTPError, Request, Response

VAR_DATA = Path(__file__).resolve().parents[2] / "var" / "data"
DATABASE = Path(os.environ.get("DATA_DIR") or VAR_DATA) / "tiny.sqlite3"
MAX_STREAM_MS = 60_000
SECRET_HEADERS = frozenset({"Authorization", "Cookie", "Proxy-Authorization"})
PLAIN = str | int | float | bool | None

application = App()
examples = ["/inspect/", "/healthz"]


def workload(name: str, **bounds: tuple[int, int]) -> Callable[[Callable[..., Response]], None]:
    """Serve a view at ``/workload/<name>/``; ``bounds`` are each number's default and highest."""

    def register(view: Callable[..., Response]) -> None:
        def within_bounds(request: Request) -> Response:
            return view(**{key: whole(request, key, *bound) for key, bound in bounds.items()})

        application.route(f"/workload/{name}/")(within_bounds)
        query = "&".join(f"{key}={default}" for key, (default, _) in bounds.items())
        examples.append(f"/workload/{name}/" + (f"?{query}" if query else ""))

    return register


def whole(request: Request, name: str, default: int, high: int) -> int:
    """The number ``name`` of the query; raises HTTPError 400 unless it is 0 to ``high``."""
    text = request.query.get(name, str(default))
    if not DIGITS.fullmatch(text) or int(text) > high:
        problem = f"{name} must be a whole number from 0 to {high}, not {text[:40]!r}"
        raise HTTPError(400, problem + "\n")
    return int(text)


def burn(ms: float) -> None:
    """Compute until this thread has used ``ms`` milliseconds of CPU, by its own clock."""
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        sum(range(1000))  # some 10 µs, and the GIL held, as ordinary Python code has it


def wait(ms: float) -> None:
    """Leave the CPU to others for ``ms`` milliseconds."""
    time.sleep(ms / 1000)


def timed(work: Callable[[], object]) -> Response:
    """Do ``work`` and answer with what it took: on the clock, and of this thread's CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    return Response.json({"wall_ms": round(wall * 1000, 3), "cpu_ms": round(cpu * 1000, 3)})


@workload("io", ms=(20, 10_000))
def wait_only(ms: int) -> Response:
    return timed(lambda: wait(ms))


@workload("cpu", ms=(5, 5_000))
def compute(ms: int) -> Response:
    return timed(lambda: burn(ms))


@workload("mixed", cpu_ms=(2, 5_000), io_ms=(20, 10_000))
def compute_and_wait(cpu_ms: int, io_ms: int) -> Response:
    def work() -> None:
        burn(cpu_ms / 2)
        wait(io_ms)
        burn(cpu_ms / 2)

    return timed(work)


@cache
def database() -> Path:
    """Make the database where it is missing.  Safe in several processes at once."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.executescript("""
            BEGIN IMMEDIATE;
            CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT, message TEXT);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
                INSERT OR IGNORE INTO entry SELECT i, 'Guest ' || i, 'Message ' || i FROM n;
            COMMIT;
        """)
    return DATABASE


@workload("db", queries=(5, 200))
def query(queries: int) -> Response:
    def ask() -> None:
        # A connection for each request, as Django has it by default.
        with closing(sqlite3.connect(database())) as connection:
            for _ in range(queries):
                connection.execute("SELECT * FROM entry ORDER BY id DESC LIMIT 10").fetchall()

    return timed(ask)


@workload("stream", chunks=(10, 1_000), size=(1_000, 65_536), ms=(10, 10_000))
def send_pieces(chunks: int, size: int, ms: int) -> Response:
    if chunks * ms > MAX_STREAM_MS:
        problem = f"chunks times ms must be at most {MAX_STREAM_MS}, not {chunks * ms}"
        raise HTTPError(400, problem + "\n")

    def pieces() -> Iterator[bytes]:
        for _ in range(chunks):
            wait(ms)
            yield b"x" * size

    # nginx: send each piece on as it comes
    return Response(pieces(), headers=[("X-Accel-Buffering", "no")])


@workload("bytes", n=(100_000, 16_777_216))
def send_bytes(n: int) -> Response:
    return Response(b"x" * n)


@workload("json")
def hello_json() -> Response:
    return Response.json({"message": "Hello, world", "numbers": [1, 2, 3]})


@workload("error")
def fail() -> Response:
    raise RuntimeError("/workload/error/ fails, as it was asked to")


@application.route("/inspect/", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
def inspect(request: Request) -> Response:
    """The request as it arrived; its body is read to the end and not kept."""
    length, digest = 0, hashlib.sha256()
    for chunk in request.chunks():
        length += len(chunk)
        digest.update(chunk)
    mount: str = request.environ.get("SCRIPT_NAME", "")
    answer = Response.json(
        {
            "method": request.method,
            "path": mount.encode("latin-1").decode(errors="replace") + request.path,
            "query": {name: request.query.all(name) for name in request.query},
            "headers": {
                name: hidden(value) if name in SECRET_HEADERS else value
                for name, value in request.headers.items()
            },
            "body": {"length": length, "sha256": digest.hexdigest()},
            "worker": {"process": os.getpid(), "thread": threading.current_thread().name},
            "environ": shown(request.environ),
        }
    )
    answer.add_header("Cache-Control", "no-store")
    return answer


def hidden(value: str) -> str:
    return f"(hidden: {len(value)} characters)"


def is_plain(value: object) -> bool:
    return isinstance(value, PLAIN) or (isinstance(value, tuple) and all(map(is_plain, value)))


def shown(environ: dict[str, Any]) -> dict[str, Any]:
    """The plain values of ``environ``, but no secrets and none of this process' own environment.

    Some servers mix that in, and it may hold passwords.
    """
    secret = {f"HTTP_{name.upper().replace('-', '_')}" for name in SECRET_HEADERS}
    return {
        key: hidden(value) if key in secret else value
        for key, value in sorted(environ.items())
        if is_plain(value) and (key not in os.environ or key == "SERVER_SOFTWARE")
    }


@application.route("/healthz")
def healthz(_: Request) -> Response:
    """That this process answers."""
    return Response.text("ok")


@application.route("/")
@application.route("/workload/")
def index(request: Request) -> Response:
    """Links to everything."""
    links = "".join(f'<li><a href="{escape(x)}"><code>{escape(x)}</code></a>\n' for x in examples)
    server = escape(request.environ.get("SERVER_SOFTWARE", "a server that does not say its name"))
    return Response.html(
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n<title>Tiny</title>\n'
        "<h1>A small application on a framework of its own</h1>\n"
        f"<p>Served by <code>{server}</code>.</p>\n<ul>\n{links}</ul>\n</html>\n"
    )
