"""--stats in a real server: who is in its list, who may ask, that the supervisor waits for none.

What it tells of requests is in tests/contract/behaviour/test_stats.py, for every model.
"""

import json
import math
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from paceline.config import Config
from paceline.process.asker import Asker
from paceline.process.channel import Channel
from paceline.process.signals import SignalInbox
from paceline.process.survey import Survey
from paceline.process.worker import Worker
from paceline.settings.places import unix_address

from tests.unit.server.supervised import (
    APPLICATION,
    DEADLINE,
    Call,
    Server,
    alive,
    children,
    process,
    until,
)

Told = dict[str, Any]

SIZE = 3_000_000
QUESTION = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


class Watched(Server):
    """A server that tells, unless `stats` is empty, in which case it may do so later."""

    def __init__(
        self, directory: Path, *arguments: str, stats: str = "stats", **options: Any
    ) -> None:
        where = ("--stats", f"unix:{stats}") if stats else ()
        super().__init__(directory, *where, *arguments, **options)
        self.stats = directory / stats

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE)
        client.connect(str(self.stats))
        return client

    def ask(self, question: bytes = QUESTION) -> bytes:
        """All that is answered."""
        with self.connect() as client:
            client.sendall(question)
            return answer(client)

    def look(self) -> Told:
        told = json.loads(body(self.ask()))
        assert isinstance(told, dict)
        return told

    def see(self, sight: Callable[[list[Told]], object]) -> list[Told]:
        """Look at the workers until the sight is seen."""
        seen: list[Told] = []

        def look() -> object:
            seen[:] = self.look()["workers"]
            return sight(seen)

        try:
            until(look, "what is looked for")
        except AssertionError:
            raise AssertionError(f"not among what is told: {seen}") from None
        return seen


class Inbox:
    """A supervisor's, whose descriptors are always ready."""

    def __init__(self) -> None:
        self.handlers: dict[int, Callable[[], None]] = {}

    def attend(self, descriptor: int, mask: int, handler: Callable[[], None]) -> None:
        self.handlers[descriptor] = handler

    def ignore(self, descriptor: int) -> None:
        self.handlers.pop(descriptor, None)

    def wait(self) -> None:
        for handler in tuple(self.handlers.values()):
            handler()


def answer(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def body(answered: bytes) -> bytes:
    """Of a good answer that is whole."""
    head, _, told = answered.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), answered
    assert f"\r\nContent-Length: {len(told)}\r\n".encode() in head
    return told


def states(workers: list[Told]) -> list[str]:
    return [worker["state"] for worker in workers]


class TestWorkers:
    def test_each_is_told_with_what_it_is(self, tmp_path: Path) -> None:
        before = time.time()
        with Watched(tmp_path, "-w", "2", "--threads", "3") as server:
            server.ready(2)
            told = server.look()
            assert told["pid"] == server.pid
            assert told["model"] == "adaptive"
            assert before < told["started"] < told["time"] < time.time()
            assert told["settings"]["workers"] == 2
            assert told["settings"]["threads"] == 3
            workers = told["workers"]
            assert [worker["age"] for worker in workers] == [1, 2]
            assert {worker["pid"] for worker in workers} == set(children(server.pid))
            for worker in workers:
                assert (worker["state"], worker["silent"]) == ("ready", False)
                assert told["started"] <= worker["started"] <= told["time"]
                assert worker["thread_limit"] == 3

    def test_one_that_still_loads_its_application_is_booting(self, tmp_path: Path) -> None:
        loading = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
        with Watched(tmp_path, application=loading + APPLICATION) as server:
            until(server.stats.exists, "it tells")
            (worker,) = server.see(len)
            assert (worker["state"], worker["requests"], worker["threads"]) == ("booting", None, [])
            assert worker["memory_bytes"] > 1 << 20
            server.write("go", "")
            server.see(lambda told: states(told) == ["ready"])

    def test_more_fewer_and_killed_ones(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server:
            (first,) = children(server.ready().pid)
            server.signal(signal.SIGTTIN)
            server.see(lambda told: states(told) == ["ready", "ready"])
            assert server.look()["settings"]["workers"] == 2
            os.kill(first, signal.SIGKILL)
            told = server.see(
                lambda told: (
                    [worker["age"] for worker in told] == [2, 3]
                    and states(told) == ["ready", "ready"]
                )
            )
            assert first not in {worker["pid"] for worker in told}
            server.signal(signal.SIGTTOU)
            server.see(lambda told: [worker["age"] for worker in told] == [3])

    def test_one_that_finishes_what_it_has_is_leaving(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server:
            server.ready()
            in_flight = Call.in_flight(server)
            server.signal(signal.SIGHUP)
            old, new = server.see(lambda told: states(told) == ["leaving", "ready"])
            (thread,) = [thread for thread in old["threads"] if thread["request"]]
            assert (thread["request"], old["silent"]) == ("GET /wait", False)
            assert new["age"] == 2
            server.write("go", "")
            assert str(in_flight.end()).startswith("one")
            server.see(lambda told: [worker["age"] for worker in told] == [2])

    def test_it_is_told_to_the_end(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server:
            server.ready()
            in_flight = Call.in_flight(server)
            server.signal(signal.SIGTERM)
            server.see(lambda told: states(told) == ["leaving"])
            server.write("go", "")
            in_flight.end()
            assert server.exit_status() == 0
            assert not server.stats.exists()

    def test_one_that_hangs_is_silent_and_holds_up_nobody(self, tmp_path: Path) -> None:
        with Watched(tmp_path, "-w", "2", "-t", "600") as server:
            server.ready(2)
            Call.hanging(server)
            begun = time.monotonic()
            workers = server.look()["workers"]
            assert time.monotonic() - begun < DEADLINE / 4
            assert sorted(states(workers)) == ["ready", "silent"]
            (silent,) = [worker for worker in workers if worker["silent"]]
            assert silent["state"] == "silent"
            assert silent["cpu_seconds"] is not None
            assert (silent["threads"], silent["requests"]) == ([], None)

    def test_one_that_was_stopped_for_long_answers_what_is_asked_now(self, tmp_path: Path) -> None:
        with Watched(tmp_path, "-t", "600") as server:
            (worker,) = children(server.ready().pid)
            os.kill(worker, signal.SIGSTOP)
            until(lambda: process(worker)[0] == "T", "it is stopped")
            for _ in range(3):
                assert states(server.look()["workers"]) == ["silent"]
            os.kill(worker, signal.SIGCONT)
            server.see(lambda told: states(told) == ["ready"])
            assert server.serving() == worker
            server.see(lambda told: told[0]["requests"] == 1)

    def test_one_that_hangs_is_killed_in_time_however_much_is_asked(self, tmp_path: Path) -> None:
        with Watched(tmp_path, "-t", "1") as server:
            (first,) = children(server.ready().pid)
            Call.hanging(server)

            def gone() -> bool:
                server.look()
                return not alive(first)

            until(gone, "it is killed")
            server.logged("has made no progress for 1 s: aborted")
            server.see(lambda told: states(told) == ["ready"])


class TestChannel:
    def test_an_answer_that_comes_late_is_not_taken_for_the_next(self) -> None:
        channel = Channel()
        channel.ask(1)
        channel.ask(2)
        late, right = (
            json.dumps({"question": number, "queue": 0}).encode() + b"\n" for number in (1, 2)
        )
        far = channel._far
        assert far.recv(100) == b"1\n2\n"
        far.sendall(late)
        assert channel.receive(2) is None
        far.sendall(right[:5])
        assert channel.receive(2) is None
        far.sendall(right[5:] + late)
        assert channel.receive(2) == {"question": 2, "queue": 0}
        assert channel.receive(2) is None
        far.close()
        with pytest.raises(EOFError):
            channel.receive(2)
        channel.close()

    @pytest.mark.parametrize(
        "said", [b'{"question": 1,', b'{"question": 1, "threads": 5}', b"[" * 100_000]
    )
    def test_a_worker_that_says_what_makes_no_sense_is_silent(self, said: bytes) -> None:
        inbox, worker = Inbox(), Worker(1, Config(stats="unix:stats"), None)
        worker.pid = os.getpid()
        worker.heartbeat.say_ready()
        assert worker.channel
        survey = Survey([worker], 1, cast(SignalInbox, inbox))
        worker.channel._far.sendall(said + b"\n")
        inbox.wait()
        assert survey.go_on(survey.due) == math.inf
        assert survey.describe(worker)["state"] == "silent"
        assert not inbox.handlers
        worker.close()

    def test_one_that_has_ended_is_not_listened_to(self) -> None:
        """Its descriptor may be another's by now."""
        inbox, worker = Inbox(), Worker(1, Config(stats="unix:stats"), None)
        worker.heartbeat.say_ready()
        survey = Survey([worker], 1, cast(SignalInbox, inbox))
        assert len(inbox.handlers) == 1
        assert survey.due < math.inf
        survey.forget(worker)
        assert not inbox.handlers
        assert survey.due == math.inf
        worker.close()


class TestAskers:
    def test_many_at_once(self, tmp_path: Path) -> None:
        with Watched(tmp_path, "-w", "2") as server, ExitStack() as stack:
            server.ready(2)
            clients = [stack.enter_context(server.connect()) for _ in range(250)]
            for client in clients:
                client.sendall(QUESTION)
            for client in clients:
                assert len(json.loads(body(answer(client)))["workers"]) == 2

    def test_those_that_ask_nothing_hold_up_nobody(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server, ExitStack() as stack:
            (first,) = children(server.ready().pid)
            mute = [stack.enter_context(server.connect()) for _ in range(100)]
            begun = time.monotonic()
            for _ in range(3):
                assert states(server.look()["workers"]) == ["ready"]
            os.kill(first, signal.SIGKILL)
            server.ready(2)
            assert time.monotonic() - begun < DEADLINE / 4
            for client in mute:
                assert answer(client) == b""  # dropped, in the end

    def test_past_the_most_that_may_ask_others_wait_until_one_is_dropped(
        self, tmp_path: Path
    ) -> None:
        with Watched(tmp_path) as server, ExitStack() as stack:
            server.ready()
            for _ in range(128):
                stack.enter_context(server.connect())
            assert states(server.look()["workers"]) == ["ready"]
            assert server.serving()

    def test_an_answer_is_sent_as_it_is_taken(self) -> None:
        inbox, (near, far) = Inbox(), socket.socketpair()
        near.setblocking(False)
        asker = Asker(near, cast(SignalInbox, inbox))
        far.sendall(QUESTION)
        inbox.wait()
        assert asker.waits
        asker.answer("200 OK", "text/plain", b"x" * SIZE)
        assert not asker.waits
        assert not asker.closed
        with far:
            far.settimeout(DEADLINE)
            taken = b""
            while data := far.recv(65536):
                taken += data
                inbox.wait()
        assert len(body(taken)) == SIZE
        assert asker.closed
        assert not inbox.handlers

    def test_those_that_leave_leave_nothing_behind(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server:
            server.ready()
            server.look()
            held = len(os.listdir(f"/proc/{server.pid}/fd"))
            for sent in (b"", b"GET ", QUESTION, QUESTION + QUESTION):
                for _ in range(20):
                    with server.connect() as client:
                        client.sendall(sent)
            server.look()
            until(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= held, "all are closed")
            assert "Traceback" not in server.log

    def test_one_that_waits_while_a_worker_is_started_gets_its_end(self, tmp_path: Path) -> None:
        """Which a worker that held its connection open would keep from it."""
        with Watched(tmp_path) as server, server.ready().connect() as client:
            client.sendall(QUESTION[:-1])
            server.look()  # so that the first is certainly taken in
            server.signal(signal.SIGTTIN)
            server.ready(2)
            client.sendall(QUESTION[-1:])
            assert len(json.loads(body(answer(client)))["workers"]) == 2

    @pytest.mark.parametrize(
        ("question", "status"),
        [
            (b"GET /?all HTTP/1.0\r\n\r\n", 200),
            (b"GET /workers HTTP/1.0\r\n\r\n", 404),
            (b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", 405),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"\x16\x03\x01\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000, 431),
            (b"x" * 9000, 431),
        ],
    )
    def test_what_is_no_question_is_answered_too(
        self, tmp_path: Path, question: bytes, status: int
    ) -> None:
        with Watched(tmp_path) as server:
            server.ready()
            answered = server.ask(question)
            assert answered.startswith(b"HTTP/1.1 %d " % status)
            assert (b"\r\nAllow: GET, HEAD\r\n" in answered) == (status == 405)
            assert states(server.look()["workers"]) == ["ready"]

    def test_a_question_may_come_in_pieces_and_be_one_for_the_head(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server, server.ready().connect() as client:
            for byte in QUESTION.replace(b"GET", b"HEAD"):
                client.sendall(bytes([byte]))
            head = answer(client)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert head.endswith(b"\r\nConnection: close\r\n\r\n")
            assert b"\r\nContent-Length: 0\r\n" not in head


class TestSocket:
    @pytest.mark.parametrize(("options", "mode"), [((), 0o777), (("-m", "077"), 0o700)])
    def test_its_mode_is_that_of_other_sockets(
        self, tmp_path: Path, options: tuple[str, ...], mode: int
    ) -> None:
        with Watched(tmp_path, *options, bind="unix:bound") as server:
            server.logged("is ready")
            for path in (server.stats, tmp_path / "bound"):
                assert stat.S_IMODE(path.stat().st_mode) == mode

    def test_one_that_nobody_serves_is_replaced(self, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(tmp_path / "stats"))
        with Watched(tmp_path) as server:
            server.ready()
            assert states(server.look()["workers"]) == ["ready"]

    def test_one_that_a_killed_server_has_left_is_replaced(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as server:
            (worker,) = children(server.ready().pid)
            server.signal(signal.SIGKILL)
            server.exit_status()
            until(lambda: not alive(worker), "the worker is gone")
            assert server.stats.exists()
        with Watched(tmp_path) as server:
            server.ready()
            assert server.look()["pid"] == server.pid

    def test_one_that_somebody_serves_is_refused_in_one_line(self, tmp_path: Path) -> None:
        with Watched(tmp_path) as first:
            first.ready()
            other = tmp_path / "other"
            other.mkdir()
            with Server(other, "--stats", f"unix:{first.stats}") as second:
                assert second.exit_status() == 1
                lines = [line for line in second.log.splitlines() if "error" in line]
                assert lines == [
                    f"paceline: error: cannot listen on unix:{first.stats}: another server serves "
                    "it; stop what uses it, or choose another with --stats"
                ]
            assert first.look()["pid"] == first.pid

    def test_a_file_is_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "stats").write_text("precious")
        with Watched(tmp_path) as server:
            assert server.exit_status() == 1
            assert "a file that is not a socket is there" in server.log
            assert "Traceback" not in server.log
        assert (tmp_path / "stats").read_text() == "precious"

    def test_a_reload_takes_up_another_path_and_workers_that_tell(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text("workers = 1\n")
        with Watched(tmp_path, stats="") as server:

            def reload(settings: str, outcome: str, times: int = 1) -> None:
                server.write("paceline.conf.py", settings)
                server.signal(signal.SIGHUP)
                server.logged(outcome, times)

            server.ready()
            reload("stats = 'unix:one'", "reloaded: ")
            server.stats = tmp_path / "one"
            told = server.see(lambda told: states(told) == ["ready"])
            assert told[0]["thread_limit"] == 64
            reload("stats = 'unix:two'", "reloaded: ", 2)
            assert not server.stats.exists()
            server.stats = tmp_path / "two"
            reload("stats = 'unix:nowhere/three'", "not reloaded, the configuration of before")
            assert states(server.look()["workers"]) == ["ready"]
            reload("", "reloaded: ", 3)
            assert not server.stats.exists()

    @pytest.mark.parametrize(
        "wrong", ["127.0.0.1:9000", "/run/stats", "unix:", "fd://3", "", 5, f"unix:/{'x' * 200}"]
    )
    def test_nothing_but_a_unix_socket_is_taken(self, wrong: object) -> None:
        with pytest.raises(ValueError):
            unix_address(wrong)
        assert unix_address("unix://run/stats") == "unix:run/stats"


def test_without_the_option_there_is_no_thread_for_it(tmp_path: Path) -> None:
    counts = []
    for options in ((), ("--stats", "unix:stats")):
        with Server(tmp_path, "-k", "serial", *options) as server:
            (worker,) = children(server.ready().pid)
            server.get()
            counts.append(len(os.listdir(f"/proc/{worker}/task")))
    assert counts == [1, 2]
