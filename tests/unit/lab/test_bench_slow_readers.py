"""Clients that read slowly: they take what they may and no more, and who serves them is found."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.bench import rounds, slow_readers
from lab.bench.candidates import Candidate
from lab.bench.machine import these_cores
from lab.bench.rounds import Plan, Turn
from lab.bench.running import environment
from lab.bench.setups import Setup
from lab.bench.workloads import WORKLOADS, Slow
from tests.services.requirements import need
from tests.services.stack import eventually

RATE = 40_000
ASKED: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED.append(self.path)
        with suppress(OSError):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * int(self.path[1:]))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(kind: type[HTTPServer]) -> Iterator[str]:
    with kind(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def reading(bind: str, path: str, connections: int) -> Iterator[dict[str, float]]:
    words = [bind, path, str(connections), str(RATE)]
    command = [sys.executable, "-m", "lab.bench.slow_readers", *words]
    pipe = subprocess.PIPE
    found: dict[str, float] = {}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == slow_readers.UNDER_WAY
        yield found
        found |= json.loads(process.communicate(timeout=30)[0])


def test_they_take_at_most_their_rate():
    with served(ThreadingHTTPServer) as bind, reading(bind, "/4000000", 3) as found:
        time.sleep(0.5)  # on a busy machine less is read meanwhile, never more
    assert found["readers_served"] == 3
    # A look may fall on either side of the first and the last moment.
    assert found["readers_kib_s"] * 1024 < 3 * RATE * 1.3


def test_one_that_has_all_asks_again():
    before = len(ASKED)
    with served(ThreadingHTTPServer) as bind, reading(bind, "/100", 2) as found:
        eventually(lambda: len(ASKED) >= before + 6)
    assert found["readers_served"] == 2
    assert found["readers_kib_s"] > 0


def test_a_server_with_one_thread_serves_one_of_them():
    with served(HTTPServer) as bind, reading(bind, "/9000000", 3) as found:
        pass
    assert found["readers_served"] == 1


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("taskset") is None, reason="needs Linux and taskset"
)
class TestForReal:
    @pytest.mark.parametrize(
        ("server", "setup", "reason"),
        [
            ("gunicorn", Setup(threads=2), "beside 6 slow readers: "),
            ("gunicorn", Setup("nginx", threads=2), None),
        ],
        ids=["gunicorn", "gunicorn behind nginx"],
    )
    def test_who_holds_a_thread_for_each_is_void_and_nginx_helps(
        self, tmp_path: Path, server: str, setup: Setup, reason: str | None
    ):
        need("wrk")
        slow = Slow(6, "/slowly", 50_000)
        workload = replace(WORKLOADS["slow-readers"], slow=slow)
        candidate = Candidate.parse(server, setup)
        plan = Plan([workload], [candidate], 1, 1, 0, these_cores(), 4)
        turn = Turn(1, workload, candidate)
        made = rounds.run_once(plan, turn, environment(tmp_path), tmp_path / "log")
        if reason:
            assert made.void is not None
            assert made.void.startswith(reason)
        else:
            assert made.void is None
            assert made.figures["readers_served"] == 6
            assert made.figures["readers_kib_s"] > 0
            assert made.figures["requests"] > 10
