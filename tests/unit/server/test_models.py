"""The models inside this process, where a test can give them what a server seldom meets."""

import os
import queue
import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from paceline.concurrency import MODELS, adaptive, rider
from paceline.concurrency.poller import SelectorPoller, make_poller
from paceline.concurrency.running import _cpu_clock, running_clock
from paceline.ending import READ, WRITE
from paceline.limits import Limits, Timeouts
from paceline.observe import Record
from paceline.wsgi.file_wrapper import FileWrapper

from tests.contract.behaviour.client import Client, get, post
from tests.unit.server.in_process import PATIENCE, SIZE, gate, running
from tests.unit.server.supervised import until

every_model = pytest.mark.parametrize("name", list(MODELS))


@every_model
def test_it_serves_and_gives_signs_of_life(name: str) -> None:
    with running(name) as server:
        for _ in range(3):
            with server.connect() as client:
                assert client.ask(post("/", b"body", "Connection: close")).body == b"body"
        deadline = time.monotonic() + PATIENCE
        before = server.beats
        while server.beats == before:
            assert time.monotonic() < deadline, "no sign of life while it is idle"
            time.sleep(0.01)


@every_model
def test_it_may_be_stopped_before_anybody_came_and_twice(name: str) -> None:
    with running(name) as server:
        server.model.stop()


class Broken:
    """An access log that cannot write: what a mistake of the server's own looks like."""

    def write(self, record: Record) -> None:
        raise RuntimeError("broken")


@every_model
def test_a_mistake_of_its_own_costs_one_connection(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And no thread, no worker, no end of the drain."""
    with running(name, access_log=Broken(), max_threads=2) as server:
        for number in range(1, 5):
            with server.connect() as client:
                assert client.get("/").body == b"hello"
                assert client.rest() == b""
            assert caplog.text.count("RuntimeError: broken") == number


@pytest.mark.parametrize("runs", [True, False])
def test_a_request_that_lasts_does_not_hold_up_others(
    runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the monitor finds that it works, where another rider comes late, or that it waits."""
    monkeypatch.setattr(rider, "running_clock", lambda: time.monotonic if runs else float)
    gate.clear()
    with running("adaptive") as server, server.connect() as busy:
        busy.send(get("/wait"))
        with server.connect() as client:
            client.sock.settimeout(PATIENCE / 2)  # /wait ends by itself after PATIENCE
            for _ in range(3):
                assert client.get("/").body == b"hello"
        gate.set()
        assert busy.answer().body == b"hello"


def test_a_thread_that_ends_just_before_it_is_waited_for() -> None:
    with running("thread") as server:
        known = set(threading.enumerate())

        def end_all() -> None:
            if server.model.stopping:
                gate.set()
                for thread in set(threading.enumerate()) - known:
                    thread.join(PATIENCE)

        gate.clear()
        server.model.service.heartbeat = end_all
        with server.connect() as client:
            client.send(get("/wait"))
            server.model.stop()
            assert client.answer().body == b"hello"


@pytest.mark.parametrize("name", ["adaptive", "thread"])
def test_a_thread_that_cannot_be_started(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container has a limit on them: those that there are go on, and others are tried again."""
    refused = threading.Event()
    allowed = threading.Event()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if not allowed.is_set():
            refused.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    with running(name) as server, server.connect() as first, server.connect() as second:
        assert first.get("/").body == b"hello"
        gate.clear()
        monkeypatch.setattr(threading.Thread, "start", refuse)
        first.send(get("/wait"))
        second.send(get("/"))
        third = server.connect()
        third.send(get("/"))
        assert refused.wait(PATIENCE)
        alive = threading.Event()
        server.model.service.heartbeat = alive.set
        assert alive.wait(PATIENCE / 2), "killed for what its requests wait for"
        allowed.set()
        with server.connect() as client:
            client.sock.settimeout(PATIENCE / 2)  # /wait ends by itself after PATIENCE
            assert client.get("/").body == b"hello"
        gate.set()
        assert first.answer().body == b"hello"
        third.close()


# --- where there is no epoll ----------------------------------------------------------------------

SELECTORS: list[Callable[[], selectors.BaseSelector]] = [
    selectors.SelectSelector,
    selectors.PollSelector,
    selectors.DefaultSelector,
]


@pytest.fixture(params=SELECTORS, ids=lambda kind: kind.__name__)
def without_epoll(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "DefaultSelector", request.param)
    monkeypatch.setattr(adaptive, "make_poller", SelectorPoller)


def test_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_poller()
    assert isinstance(made, SelectorPoller) != hasattr(select, "epoll")
    made.close()
    monkeypatch.delattr(select, "epoll", raising=False)
    made = make_poller()
    assert isinstance(made, SelectorPoller)
    made.close()


@pytest.mark.usefixtures("without_epoll")
def test_requests_without_epoll() -> None:
    with running("adaptive") as server:
        clients = [server.connect() for _ in range(20)]
        for turn in range(5):
            for client in clients:
                client.send(post("/", b"turn %d" % turn))
            for client in clients:
                assert client.answer().body == b"turn %d" % turn
        with server.connect() as client:
            client.send(get("/") * 50)
            assert [client.answer().body for _ in range(50)] == [b"hello"] * 50
        for client in clients:
            client.close()


@pytest.mark.usefixtures("without_epoll")
def test_slow_clients_without_epoll() -> None:
    limits = Limits(answer_buffered=10 * SIZE)
    with running("adaptive", max_threads=2, limits=limits) as server:
        arriving = [server.connect() for _ in range(10)]
        taking = [server.connect() for _ in range(10)]
        for client in arriving:
            client.send(get("/")[:5])
        for client in taking:
            client.send(get("/large"))
        with server.connect() as client:
            assert client.get("/").body == b"hello"
        for client in arriving:
            client.send(get("/")[5:])
            assert client.answer().body == b"hello"
            client.close()
        for client in taking:
            assert len(client.answer().body) == SIZE
            client.close()


@pytest.mark.usefixtures("without_epoll")
def test_time_limits_without_epoll() -> None:
    with running("adaptive", timeouts=Timeouts(head=0.2, keep_alive=0.2)) as server:
        with server.connect() as silent, server.connect() as kept, server.connect() as client:
            kept.get("/")
            client.send(b"G")
            assert client.answer().status == 408
            assert kept.was_closed()
            assert silent.was_closed()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.mark.usefixtures("without_epoll")
def test_what_a_poller_tells(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    poller = SelectorPoller()
    descriptor = ours.fileno()
    poller.register(descriptor, READ)
    assert poller.poll(0) == []
    theirs.send(b"x")
    assert poller.poll(PATIENCE) == [(descriptor, READ)]
    assert poller.poll(PATIENCE) == [(descriptor, READ)], "as long as it has not been read"
    poller.modify(descriptor, WRITE)
    assert poller.poll(PATIENCE) == [(descriptor, WRITE)]
    poller.unregister(descriptor)
    assert poller.poll(0) == []
    with pytest.raises(OSError, match="not registered"):
        poller.unregister(descriptor)
    poller.close()


@pytest.mark.usefixtures("without_epoll")
def test_what_is_registered_while_it_polls(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.send(b"x")
    poller = SelectorPoller()
    found: list[tuple[int, int]] = []

    def poll() -> None:
        deadline = time.monotonic() + PATIENCE
        while not found and time.monotonic() < deadline:
            found.extend(poller.poll(PATIENCE))

    thread = threading.Thread(target=poll)
    thread.start()
    poller.register(ours.fileno(), READ)
    thread.join(PATIENCE)
    assert found == [(ours.fileno(), READ)]
    poller.close()


@pytest.mark.usefixtures("without_epoll")
def test_a_descriptor_that_is_anothers_by_now() -> None:
    """Closed without a word, and given by the system to the next who asks."""
    poller = SelectorPoller()
    first, second = socket.socketpair()
    descriptor = first.fileno()
    poller.register(descriptor, READ)
    poller.poll(0)
    poller.unregister(descriptor)
    first.close()
    third, fourth = socket.socketpair()
    if third.fileno() != descriptor:
        os.dup2(third.fileno(), descriptor)
    poller.register(descriptor, READ)
    fourth.send(b"x")
    assert poller.poll(PATIENCE) == [(descriptor, READ)]
    poller.close()
    if third.fileno() != descriptor:
        os.close(descriptor)
    for sock in (second, third, fourth):
        sock.close()


# --- the monitor's clock --------------------------------------------------------------------------


@pytest.mark.parametrize("make", [running_clock, _cpu_clock])
def test_a_clock_runs_while_its_thread_does(make: Callable[[], Callable[[], float]]) -> None:
    clock = make()
    before, end = clock(), time.monotonic() + 0.1
    while time.monotonic() < end:
        pass
    burnt = clock() - before
    before = clock()
    time.sleep(0.1)
    slept = clock() - before
    assert burnt > 0.02
    assert slept < burnt / 2


@every_model
def test_a_body_on_disk_that_is_sent_back_as_a_file_stays_whole(name: str) -> None:
    """Also where its client takes it long after the application has returned."""

    def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return FileWrapper(environ["wsgi.input"])

    body = bytes(1 << 20) * 16  # more than sockets hold
    with running(name, application=echo) as server, server.connect() as client:
        client.send(post("/", body))
        assert client.sock.recv(1, socket.MSG_PEEK)
        disk = server.model.service.disk
        if name == "adaptive":  # the others go on once the client has taken most of it
            until(lambda: not disk.used, "the end of the body's file")
        assert client.answer().body == body


@every_model
def test_hundreds_of_checks_at_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check = b"GET /h HTTP/1.1\r\nHost:\r\n\r\n"
    count = 1 if name == "serial" else 600  # it serves one a connection
    with running(name, health_path="/h") as server, server.connect() as client:
        client.send(check * count + get("/", "Connection: close"))
        for _ in range(count):
            assert client.answer().body == b"ok\n"
        assert name == "serial" or client.answer().body == b"hello"
    assert not caplog.messages


def test_who_connected_just_before_it_is_stopped_is_served() -> None:
    """Also where it is told while it does something else than wait."""
    connected: queue.SimpleQueue[Client] = queue.SimpleQueue()
    with running("pool") as server:

        def beat() -> None:
            server.model.service.heartbeat = lambda: None
            connected.put(server.connect())
            server.model.stop()

        server.model.service.heartbeat = beat
        with connected.get(timeout=PATIENCE) as client:
            assert client.get("/").body == b"hello"


@every_model
def test_it_ends_where_the_application_has_closed_its_socket(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(name) as server, socket.socket() as client:
        with server.connect() as other:
            assert other.get("/").body == b"hello"
        listening = server.model.listeners[0].socket
        address = listening.getsockname()
        with listening.dup():  # as the supervisor has it
            os.close(listening.fileno())
            client.connect(address)
            until(lambda: server.ended, "its end")
    assert caplog.text.count("Something here has closed the socket of") == 1
