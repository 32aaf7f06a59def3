"""Latencies of a mix at a constant rate, from a server that takes its time for one path of it."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.advise.latency import MOST, Turns, apart, common_rate
from lab.advise.showing import waited
from lab.bench.open_loop import Job, histogram
from lab.bench.results import Results, Run
from lab.bench.workloads import request_text

WAITS = 0.06
"""Seconds that /waits takes."""


class Mixed(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1  # type: ignore[attr-defined]
        if self.path == "/waits":
            time.sleep(WAITS)
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mixed) as found:
        found.asked = Counter()  # type: ignore[attr-defined]
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def turns(server: ThreadingHTTPServer, *paths: str, connections: int = 8) -> Turns:
    requests = [(path, request_text(path, "localhost", 0, {})) for path in paths]
    job = Job(f"127.0.0.1:{server.server_port}", requests[0][1], connections, 40, 1)
    return Turns(job, requests)


def test_the_paths_are_asked_in_turn_at_the_rate(server: ThreadingHTTPServer):
    latency = histogram(turns(server, "/waits", "/", "/other").run().latency)
    assert server.asked == {"/waits": 14, "/": 13, "/other": 13}  # type: ignore[attr-defined]
    assert latency.get_total_count() == 40
    assert latency.get_value_at_percentile(99) >= WAITS * 1e6


def test_each_path_has_times_of_its_own(server: ThreadingHTTPServer):
    loop = turns(server, "/waits", "/", "/waits")
    loop.run()
    assert {path: len(times) for path, times in loop.times.items()} == {"/waits": 27, "/": 13}
    assert min(loop.times["/waits"]) >= WAITS * 1e9
    assert min(loop.times["/"]) < WAITS * 1e9


def test_the_paths_stand_beside_the_mix_the_slowest_first():
    of_mix = {"p50_ms": 5.0, "p99_ms": 9.0, "max_ms": 10.0}
    figures = {**of_mix, **{f"{name} /b": 7.5 for name in of_mix}, "p50_ms /a": 2.5}
    run = Run("mix", "default", 1, (), figures)
    void = replace(run, server="advice", figures={}, void="it ended")
    runs = [each for one in (run, void) for each in apart(one, ["/a", "/b", "/unasked"])]
    assert [(each.workload, each.server) for each in runs] == [
        *(("mix", "default"), ("/a", "default"), ("/b", "default"), ("/unasked", "default")),
        ("mix", "advice"),
    ]
    assert runs[0].figures == of_mix
    assert runs[1].figures == {"p50_ms": 2.5}
    found = Results({}, ["mix", "/a", "/b", "/unasked"], ["default", "advice"], runs)
    _, mix, paths = waited(found)
    assert mix.split() == [
        *("p50", "ms", "p99", "ms", "longest", "ms", "default", "5.0", "9.0", "10.0"),
        *("advice", "-", "-", "-"),
    ]
    _, *rows = (line.split() for line in paths.splitlines())
    assert rows == [
        *(["/b", "default", "7.5", "7.5", "7.5"], ["advice", "-", "-", "-"]),
        *(["/a", "default", "2.5", "-", "-"], ["advice", "-", "-", "-"]),
    ]
    assert len([*apart(run, ["/b"])]) == 1, "of one path the mix says all"


def test_who_has_no_connection_waits_too(server: ThreadingHTTPServer):
    # 40 a second for one connection that can do 17: the last waits more than a second.
    latency = histogram(turns(server, "/waits", connections=1).run().latency)
    assert latency.get_value_at_percentile(50) > 5 * WAITS * 1e6


def test_a_path_that_is_not_well_ends_it(server: ThreadingHTTPServer):
    with pytest.raises(ValueError, match="404"):
        turns(server, "/", "/none").run()


def results(**reached: float) -> Results:
    runs = [
        Run("mix", n, 1, (), {"requests_per_second": r} if r else {}) for n, r in reached.items()
    ]
    return Results({}, ["mix"], [*reached], runs)


def test_the_rate_is_one_that_all_can_do():
    assert common_rate(results(default=100, advice=300), 1000) == pytest.approx(70)
    assert common_rate(results(default=100, advice=300), 50) == 50
    assert common_rate(results(default=90_000, advice=90_000), 90_000) == MOST
    assert common_rate(results(default=0, advice=300), 50) is None
