"""Servers under the bench: real processes, good ones and bad ones."""

import json
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab import typed
from lab.bench import answering, idle, latency, rounds, running
from lab.bench.candidates import Candidate
from lab.bench.limit import limited
from lab.bench.machine import these_cores
from lab.bench.open_loop import histogram
from lab.bench.peak import watched
from lab.bench.process_tree import memory, usage
from lab.bench.results import Run
from lab.bench.rounds import Plan, Turn
from lab.bench.running import environment
from lab.bench.void import VoidError
from lab.bench.workloads import WORKLOADS, Workload
from lab.stack.ports import free_port
from tests.services.requirements import need

REPO = Path(__file__).resolve().parents[3]
HELLO = WORKLOADS["hello"]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("taskset") is None,
    reason="the bench needs Linux and taskset",
)
needs_wrk = pytest.mark.usefixtures("wrk")


@pytest.fixture
def wrk() -> str:
    return need("wrk")


SERVER = """
import http.server, os, signal, subprocess, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0
    status, body = 200, b"Hello, world\\n"
    def do_GET(self):
        Handler.asked += 1
        self.{act}
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)
    def log_message(self, *_):
        pass
    def well(self):
        pass
    def closes(self):
        self.close_connection = True
    def fails(self):
        self.status = 500
        print("Traceback: the reason", file=sys.stderr, flush=True)
    def lies(self):
        self.body = b"Hello, moon!\\n"
    def dies_after(self, number):
        if self.asked > number:
            print("out of memory", file=sys.stderr, flush=True)
            os._exit(3)
    def trickles_after(self, number):
        if self.asked > number:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                time.sleep(0.1)
    def forks_at(self, number):
        if self.asked == number:
            subprocess.Popen(["sleep", "60"])

{first}
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Scripted(Candidate):
    """A server that is a script; ``act`` is what it does at each request."""

    act: str = "well()"
    first: str = ""

    def command(self, workload: Workload, bind: str) -> list[str]:
        script = SERVER.format(act=self.act, first=self.first)
        return [sys.executable, "-c", script, bind.rpartition(":")[2]]


def run_once(folder: Path, candidate: Candidate, workload: Workload = HELLO) -> Run:
    plan = Plan([workload], [candidate], 1, 1, 0, these_cores())
    turn = Turn(1, workload, candidate)
    return rounds.run_once(plan, turn, environment(folder), folder / "log")


def start(folder: Path, act: str = "well()", first: str = "", workload: Workload = HELLO):
    bind = f"127.0.0.1:{free_port()}"
    command = Scripted("script", act=act, first=first).command(workload, bind)
    return running.started(command, workload, environment(folder), bind, folder / "log")


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class TestVoidCells:
    @pytest.mark.parametrize(
        ("act", "first", "reason"),
        [
            ("fails()", "", r"/ answered 500, not 200; its last line: Traceback: the reason"),
            ("lies()", "", r"/ answered something else: b'Hello, moon!\\n'"),
            (
                "well()",
                "sys.exit('no module named x')",
                r"ended by itself \(exit status 1\); .*no ",
            ),
            ("dies_after(0)", "", r"ended by itself \(exit status 3\); its last line: out of m"),
            ("dies_after(1)", "", r"ended by itself \(exit status 3\); its last line: out of m"),
        ],
    )
    def test_a_server_that_does_not_serve_has_a_reason_and_no_figures(
        self, tmp_path: Path, act: str, first: str, reason: str
    ):
        made = run_once(tmp_path, Scripted("script", act=act, first=first))
        assert made.figures == {}
        assert re.search(reason, made.void or "")

    @needs_wrk
    def test_a_server_that_dies_under_load_has_a_reason_and_no_figures(self, tmp_path: Path):
        made = run_once(tmp_path, Scripted("script", act="dies_after(50)"))
        assert made.figures == {}
        assert made.void == "it ended by itself (exit status 3); its last line: out of memory"

    def test_a_server_that_never_answers_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(answering, "READY_WITHIN", 0.3)
        made = run_once(tmp_path, Scripted("script", first="time.sleep(60)"))
        assert made.void == "it did not answer within 0.3 s"

    @pytest.mark.parametrize("answered", [0, 1])
    def test_a_server_whose_answer_never_ends_is_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: int
    ):
        # Something comes all the time, so that no timeout of a socket is ever met.
        if answered == 0:
            monkeypatch.setattr(answering, "limited", lambda seconds: limited(2.0))
        monkeypatch.setattr(rounds, "HANGS", 0)
        monkeypatch.setattr(rounds, "PATIENCE", 1.0)
        made = run_once(tmp_path, Scripted("script", act=f"trickles_after({answered})"))
        assert made.figures == {}
        assert made.void == f"it hung: not done within {1 if answered else 2} s"

    def test_an_alarm_that_was_set_before_goes_on(self):
        before = signal.setitimer(signal.ITIMER_REAL, 1000)
        try:
            with limited(10):
                pass
            left, _ = signal.getitimer(signal.ITIMER_REAL)
        finally:
            signal.setitimer(signal.ITIMER_REAL, *before)
        assert 900 < left <= 1000

    def test_a_process_that_came_or_went_is_noticed(self, tmp_path: Path):
        with start(tmp_path, act="forks_at(3)") as server:
            before = server.processes()
            server.check()
            server.require_same(before)
            server.check()
            with pytest.raises(VoidError, match="its processes changed"):
                server.require_same(before)


class TestProcesses:
    def test_nothing_is_left_of_a_server_that_ignores_TERM_and_has_children(  # noqa: N802
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(running, "STOP_WITHIN", 0.2)
        deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
        with start(tmp_path, act="forks_at(1)", first=deaf) as server:
            assert len(usage(server.pid).pids) == 2
        eventually(lambda: not usage(server.pid).pids)

    def test_use_is_that_of_the_whole_session_and_of_the_children_it_reaped(self, tmp_path: Path):
        burn = "time.process_time() < 0.15 or sys.exit()"
        child = f"import sys, time\nwhile True: {burn}"
        first = f"subprocess.run([sys.executable, '-c', {child!r}])"
        with start(tmp_path, first=first) as server:
            assert usage(server.pid).pids == {server.pid}
            assert usage(server.pid).cpu >= 0.15

    def test_memory_grows_by_what_is_held(self, tmp_path: Path):
        with start(tmp_path) as small, start(tmp_path, first="x = b'x' * 30_000_000") as large:
            grown = memory(large.pid).rss - memory(small.pid).rss
        assert 25_000 < grown < 35_000  # KiB

    def test_a_server_gets_nothing_of_our_environment_that_would_set_it_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 9")
        monkeypatch.setenv("WEB_CONCURRENCY", "9")
        assert set(environment(tmp_path)) <= {
            *("HOME", "LANG", "LC_ALL", "TMPDIR", "PATH", "DATA_DIR", "STATIC_ROOT")
        }


class TestPeak:
    def test_threads_processes_and_memory_are_those_of_the_whole_session(self, tmp_path: Path):
        first = (
            "import threading\nsubprocess.Popen(['sleep', '60'])\n"
            "for _ in range(5):\n"
            "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
        )
        with start(tmp_path, first=first) as server, watched(server.held) as peak:
            eventually(lambda: peak.look() or peak.figures["peak_threads"] >= 7)
        assert peak.figures["peak_processes"] == 2
        assert peak.figures["peak_rss_kib"] > 5_000

    def test_what_was_let_go_meanwhile_still_counts(self, tmp_path: Path):
        with start(tmp_path, first="x = b'x' * 30_000_000") as server:
            with watched(server.held) as peak:
                pass
        assert peak.figures["peak_rss_kib"] > 30_000_000 / 1024
        before = {**peak.figures}
        peak.look()  # it has ended
        assert peak.figures == before


class TestIdle:
    def test_a_server_that_closes_what_it_was_to_keep_is_void(self, tmp_path: Path):
        with start(tmp_path, act="closes()") as server:
            kept = [idle.opened(server.bind, "/", b"Hello, world\n", n) for n in range(3)]
            eventually(lambda: self.closed(kept) == 3)
            with pytest.raises(VoidError, match="closed 3 of 3 idle connections"):
                idle.require_open(kept)
            for client in kept:
                client.close()

    def test_an_unexpected_end_is_void_and_no_endless_wait(self, tmp_path: Path):
        reason = "connection 7: a connection was closed before"
        with (
            start(tmp_path, act="lies() or self.closes()") as server,
            pytest.raises(VoidError, match=reason),
        ):
            idle.opened(server.bind, "/", b"Hello, world\n", 6)

    @staticmethod
    def closed(kept: list[idle.Client]) -> int:
        try:
            idle.require_open(kept)
        except VoidError as error:
            return int(str(error).split()[3])
        return 0

    def test_the_limit_on_files_is_raised_for_it_and_put_back(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        _, hard = before
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            with idle.files_for(100):
                assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 100 + idle.FILES_BESIDE
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 256
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    def test_a_limit_that_cannot_be_raised_is_said(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard == resource.RLIM_INFINITY:
            pytest.skip("no limit here")
        with (
            pytest.raises(VoidError, match=f"open files and the limit is {hard}"),
            idle.files_for(hard),
        ):
            pass


@needs_wrk
class TestForReal:
    @pytest.mark.parametrize("name", ["paceline", "gunicorn", "floor"])
    def test_a_run_has_every_figure(self, tmp_path: Path, name: str):
        made = run_once(tmp_path, Candidate.parse(name))
        assert made.void is None
        assert made.figures["requests"] > 100
        assert 1 < made.figures["cpu_us"] < 10_000
        assert 0 < made.figures["p50_ms"] <= made.figures["p99_ms"] <= made.figures["max_ms"]
        assert made.figures["peak_rss_kib"] > 5_000
        assert made.figures["peak_threads"] >= made.figures["peak_processes"] >= 1
        assert 0 < made.figures["server_busy"] < 1.1
        assert [command.split()[:2] for command in made.commands] == [["taskset", "-c"]] * 2

    def test_the_floor_of_what_waits_is_a_thread_for_each_connection(self, tmp_path: Path):
        made = run_once(tmp_path, Candidate.parse("floor"), WORKLOADS["wait-10"])
        assert made.void is None
        assert made.figures["p50_ms"] >= 10
        assert made.figures["peak_threads"] > 8  # of the load's connections

    def test_latency_is_found_at_shares_of_the_rate(self, tmp_path: Path):
        candidate = Candidate.parse("paceline")
        plan = Plan([HELLO], [candidate], 1, 1, 0, these_cores(), 8, latency=True)
        turn = Turn(1, HELLO, candidate)
        made = rounds.run_once(plan, turn, environment(tmp_path), tmp_path / "log")
        assert made.void is None
        for share in latency.SHARES:
            assert 0 < made.figures[f"at{share}_p99_ms"] <= made.figures[f"at{share}_max_ms"]
            kept = histogram(made.histograms[f"at{share}_latency"])
            asked = made.figures["requests_per_second"] * share / 100
            assert kept.get_total_count() == int(asked)

    def test_idle_connections_are_weighed(self, tmp_path: Path):
        workload = replace(WORKLOADS["idle"], idle=200)
        made = run_once(tmp_path, Candidate.parse("paceline"), workload)
        assert made.void is None
        assert 0 <= made.figures["rss_kib_each"] < 100
        ratio = made.figures["beside_us"] / made.figures["alone_us"]
        assert made.figures["slowdown"] == pytest.approx(ratio)

    def test_the_command_measures_and_writes(self, tmp_path: Path):
        raw, page = tmp_path / "raw.json", tmp_path / "page.md"
        done = bench("--rounds=2", "--seconds=1", f"--json={raw}", f"--markdown={page}")
        said, _ = done.communicate(timeout=90)
        assert done.returncode == 0, said
        assert "seed 5" in said
        assert "CPU per request: paceline ÷ floor" in said
        assert "$ taskset -c" in said
        assert len(json.loads(raw.read_text())["runs"]) == 4
        assert "### Targets" in page.read_text()

    def test_ctrl_c_shows_what_is_done_and_leaves_nothing_running(self, tmp_path: Path):
        raw = tmp_path / "raw.json"
        running_bench = bench("--rounds=50", "--seconds=1", f"--json={raw}")
        assert running_bench.stdout is not None
        lines = iter(running_bench.stdout.readline, "")
        assert any("[1/100" in line for line in lines)
        children = set(children_of(running_bench.pid))
        eventually(lambda: children.update(children_of(running_bench.pid)) or children)
        running_bench.send_signal(signal.SIGINT)
        rest, _ = running_bench.communicate(timeout=30)
        assert running_bench.returncode == 130, rest
        assert f"follows, and `{typed.lab()} bench --resume {raw}` makes the rest" in rest
        assert "hello: plain WSGI" in rest
        assert json.loads(raw.read_text())["runs"]
        eventually(lambda: not any(is_running(pid) for pid in children))


def bench(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "lab.bench", "--only=hello"),
            *("--servers=paceline,floor", "--seed=5", *arguments),
        ],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_running(pid: int) -> bool:
    """Whether a process is there and is no zombie, which somebody else has yet to reap."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
