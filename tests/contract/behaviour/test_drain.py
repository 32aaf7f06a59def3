"""The end of a server and its renewal: what is in flight is answered, and nothing is lost."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client, get
from tests.contract.behaviour.serving import (
    COMBINATIONS,
    NOT_SERIAL,
    OF_EACH_MODEL,
    Combination,
    Serving,
    dial,
    eventually,
    serving,
)

SOON = 10.0  # seconds; less than --graceful-timeout, much more than a drain takes


@pytest.fixture(params=COMBINATIONS, ids=str)
def mortal(request: pytest.FixtureRequest, place: Path) -> Iterator[Serving]:
    """A server of the test's own."""
    with serving(request.param, place) as server:
        yield server


def ask_and_wait(server: Serving) -> tuple[Client, str]:
    """A client whose request is in flight until its gate is opened."""
    token = server.token()
    client = server.connect()
    client.send(get(f"/wait?token={token}"))
    server.await_event(f"waiting {token}")
    return client, token


def await_stop(server: Serving) -> None:
    eventually(lambda: "stopping" in server.log, "that it knows that it is to stop")


def test_a_request_in_flight_is_answered(mortal: Serving) -> None:
    busy = [ask_and_wait(mortal) for _ in range(mortal.combination.workers)]
    idle = [mortal.connect() for _ in range(4 if mortal.keeps_connections else 0)]
    for client in idle[:2]:
        assert client.get("/raw/hello").body == b"hello"
    mortal.signal(signal.SIGTERM)
    await_stop(mortal)
    for client in idle:
        assert client.was_closed(), "an idle connection holds nobody up"
    for client, token in busy:
        mortal.open_gate(token)
        answer = client.answer()
        assert answer.body == b"waited"
        assert answer.closes, "another request would find nobody"
        assert client.was_closed()
    assert mortal.await_end(SOON) == 0


@pytest.mark.parametrize("mortal", NOT_SERIAL, indirect=True, ids=str)
def test_what_is_half_sent_is_answered(mortal: Serving) -> None:
    """A request that is arriving, and an answer that is being taken."""
    arriving, taking = mortal.connect(), mortal.connect()
    taking.send(get("/parts?count=100&size=100000"))
    taking.head()
    arriving.send(get("/raw/hello")[:20])
    with mortal.connect() as client:  # a round behind which that has been read
        client.get("/raw/hello")
    mortal.signal(signal.SIGTERM)
    await_stop(mortal)
    arriving.send(get("/raw/hello")[20:])
    assert arriving.answer().body == b"hello"
    assert sum(len(chunk) for chunk in iter(taking.chunk, b"")) == 10_000_000
    assert mortal.await_end(SOON) == 0


@pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)
def test_who_could_connect_is_answered(place: Path, combination: Combination) -> None:
    """A request that waits in the kernel when the server is told to stop."""
    with serving(combination, place) as server:
        busy = [ask_and_wait(server)]
        waiting = [server.connect() for _ in range(3)]
        for client in waiting:
            client.send(get("/raw/hello"))
        server.signal(signal.SIGTERM)
        await_stop(server)
        for client, token in busy:
            server.open_gate(token)
            assert client.answer().body == b"waited"
        for client in waiting:
            assert client.answer().body == b"hello"
        assert server.await_end(SOON) == 0


@pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)
def test_who_comes_too_late_is_told(place: Path, combination: Combination) -> None:
    """While the last are served, a proxy should learn at once that it must ask elsewhere."""
    with serving(combination, place) as server:
        client, token = ask_and_wait(server)
        address = server.addresses[0]
        server.signal(signal.SIGTERM)
        await_stop(server)
        if combination.model == "serial":  # its only thread is busy: it cannot know yet
            server.open_gate(token)
        eventually(lambda: refused(address), "that connections are refused")
        server.open_gate(token)
        assert client.answer().body == b"waited"
        assert server.await_end(SOON) == 0


def refused(address: tuple[str, int] | str) -> bool:
    try:
        dial(address).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


@pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)
def test_what_does_not_end_is_given_up(place: Path, combination: Combination) -> None:
    with serving(combination, place, "--graceful-timeout=1") as server:
        client, _ = ask_and_wait(server)
        server.signal(signal.SIGTERM)
        server.await_end(SOON)
        with client, pytest.raises((AssertionError, ConnectionResetError)):
            client.answer()


# --- renewal under load ---------------------------------------------------------------------------


class Load(threading.Thread):
    """Asks again and again; ``lost`` is what became of requests that were not answered."""

    def __init__(self, server: Serving, kept: bool) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._kept = kept
        self._over = threading.Event()
        self.answered: dict[int, int] = {}
        self.lost: list[str] = []

    def run(self) -> None:
        client = self._server.connect()
        while not self._over.is_set():
            try:
                answer = client.get("/raw/process")
                pid = json.loads(answer.body)[0]
                self.answered[pid] = self.answered.get(pid, 0) + 1
            except (OSError, AssertionError) as error:
                self.lost.append(repr(error))
                return
            if answer.closes or not self._kept:
                client.close()
                client = self._server.connect()
        client.close()

    def end(self) -> None:
        self._over.set()
        self.join()


def reload(server: Serving) -> None:
    """Have all workers replaced."""
    old = set(server.workers)
    server.signal(signal.SIGHUP)
    eventually(lambda: not old & set(server.workers), "the end of the old")


@pytest.mark.parametrize(
    "combination", [each for each in COMBINATIONS if each.transport == "tcp"], ids=str
)
def test_a_reload_loses_no_request(place: Path, combination: Combination) -> None:
    with serving(combination, place) as server:
        loads = [Load(server, kept) for kept in (True, True, False, False)]
        for load in loads:
            load.start()
        eventually(lambda: all(load.answered for load in loads), "that all are answered")
        reload(server)
        reload(server)
        seen = [sum(load.answered.values()) for load in loads]
        eventually(
            lambda: all(
                sum(load.answered.values()) > before or load.lost
                for load, before in zip(loads, seen, strict=True)
            ),
            "that all are answered again",
        )
        for load in loads:
            load.end()
        assert [load.lost for load in loads] == [[], [], [], []]
        pids = {pid for load in loads for pid in load.answered}
        assert len(pids) > combination.workers, "the new serve too"


def test_a_client_that_is_slow_does_not_hold_up_the_end(place: Path) -> None:
    """One that takes nothing is given up when its time is up, in a drain too."""
    options = ("--send-timeout=0.5",)
    with serving(Combination("adaptive"), place, *options) as server, server.connect() as client:
        client.send(get("/raw/whole?size=50000000"))
        client.head()
        server.signal(signal.SIGTERM)
        assert server.await_end(SOON) == 0
