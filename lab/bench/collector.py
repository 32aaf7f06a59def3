"""How many traces a second the collector takes without loss: `python -m lab.bench.collector`.

The console has one core, the sender another.  A trace is what one request through the stack makes:
a line of nginx, and two posts of 20 spans together with heads, bodies and environ, through the
sockets that nginx and servers use.  They are sent at a steady rate, whatever the collector says: it
loses what it refuses, what nginx would have to drop, and what is not in its store afterwards.  The
rate goes up until something is lost, or until sending falls behind.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.bench.machine import Cores, facts, pinned, these_cores
from lab.bench.process_tree import usage
from lab.bench.trace import LINE, POSTS, SPANS, TRACE_ID
from lab.console.environment import Environment
from lab.console.store import Store
from lab.errors import LabError
from lab.stack.ports import free_port

RATES = (250, 500, 750, 1000, 1250, 1500, 2000)
CONNECTIONS = 8
KEEPS_UP = 0.97
"""The part of a rate that must be reached for a higher one to make sense."""
PATIENCE = 30.0
"""Seconds for the console to start, to write the last, and to end."""


@dataclass
class Result:
    """What became of ``sent`` traces."""

    rate: int
    sent: int = 0
    refused: int = 0
    """Posts."""
    lines_lost: int = 0
    missing: int = 0
    """Spans that are not in the store."""
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds that the console used."""
    slowest: float = 0.0
    """Seconds that a post took."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lost(self) -> bool:
        """Whether anything was."""
        return bool(self.refused or self.lines_lost or self.missing)

    def __str__(self) -> str:
        reached = self.sent / self.seconds
        return (
            f"{self.rate:5d}/s asked  {reached:6.0f}/s sent"
            f"  {self.cpu / self.sent * 1e6:5.0f} µs CPU each"
            f"  slowest post {self.slowest * 1e3:4.0f} ms  lost: {self.refused} posts,"
            f" {self.lines_lost} lines, {self.missing} spans"
        )


@contextmanager
def console(folder: Path, core: int) -> Iterator[tuple[Environment, int]]:
    """A console on a core, with its data in a folder; its pid."""
    environ = {
        **os.environ,
        "CONSOLE_BIND": f"127.0.0.1:{free_port()}",
        "CONSOLE_DATA": str(folder / "data"),
        "LAB_TELEMETRY": str(folder / "telemetry"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    }
    environment = Environment.read(environ)
    with pinned(core):
        popen = subprocess.Popen(
            [sys.executable, "-m", "lab.console"],
            env=environ,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not healthy(environment):
            if popen.poll() is not None or time.monotonic() > deadline:
                raise LabError("the console did not start; `python -m lab.console` says why")
            time.sleep(0.05)
        yield environment, popen.pid
    finally:
        popen.terminate()
        popen.wait(PATIENCE)


def healthy(environment: Environment) -> bool:
    """Whether the console answers."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(environment.otlp_socket))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def measure(rate: int, seconds: float, cores: Cores) -> Result:
    """A run against a console of its own.  Raises LabError."""
    result = Result(rate)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with console(folder, cores.server) as (environment, pid), pinned(cores.load):
            before = usage(pid).cpu
            begun = time.monotonic()
            senders = [
                threading.Thread(target=send, args=(environment, result, begun, i, rate, seconds))
                for i in range(CONNECTIONS)
            ]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            result.seconds = time.monotonic() - begun
            store = Store(environment.database)
            expected = result.sent * SPANS
            result.missing = expected - settled(store, expected)
            result.cpu = usage(pid).cpu - before
    return result


def settled(store: Store, expected: int) -> int:
    """The spans of the store, once all are there or no more come."""
    kept, since = -1, time.monotonic()
    while kept < expected and time.monotonic() - since < 2:
        if (now := store.count_spans()) != kept:
            kept, since = now, time.monotonic()
        time.sleep(0.1)
    return kept


def send(
    environment: Environment, result: Result, begun: float, which: int, rate: int, seconds: float
) -> None:
    """One connection's part: every CONNECTIONS-th trace, each at its time."""
    with (
        socket.socket(socket.AF_UNIX) as http,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nginx,
    ):
        http.connect(str(environment.otlp_socket))
        nginx.connect(str(environment.nginx_socket))
        nginx.setblocking(False)  # as nginx does
        for number in range(which, int(rate * seconds), CONNECTIONS):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            trace_id = f"{number + 1:032x}".encode()
            refused = lines_lost = 0
            started = time.monotonic()
            try:
                nginx.send(LINE.replace(TRACE_ID, trace_id))
            except BlockingIOError:
                lines_lost = 1
            for post in POSTS:
                http.sendall(post.replace(TRACE_ID, trace_id))
                refused += not answer(http).startswith(b"HTTP/1.1 200")
            slowest = (time.monotonic() - started) / len(POSTS)
            with result.lock:
                result.sent += 1
                result.refused += refused
                result.lines_lost += lines_lost
                result.slowest = max(result.slowest, slowest)


def answer(connection: socket.socket) -> bytes:
    """A whole answer, which is short."""
    received = b""
    while not received.endswith(b"{}"):
        if not (more := connection.recv(65536)) or b"message" in more:
            return received + more
        received += more
    return received


def main() -> None:
    """Prints a line for each rate, then the last without loss."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench.collector", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each rate [10]")
    parser.add_argument("--rate", type=int, nargs="*", default=RATES, help="traces a second")
    options = parser.parse_args()
    cores = these_cores()
    print(json.dumps(facts(), ensure_ascii=False))
    size = len(LINE) + sum(map(len, POSTS))
    print(f"{SPANS} spans and {size} bytes a trace; {cores.warning}")
    best = 0
    for rate in options.rate:
        result = measure(rate, options.seconds, cores)
        print(result, flush=True)
        if result.lost:
            break
        best = max(best, round(result.sent / result.seconds))
        if best < rate * KEEPS_UP:
            break
    print(f"without loss: {best} traces a second")


if __name__ == "__main__":
    main()
