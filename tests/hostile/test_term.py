"""TERM while clients come as fast as they can: who could connect is answered, nobody is reset."""

import contextlib
import signal
import threading
from collections import deque
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client, get
from tests.contract.behaviour.serving import Combination, Serving, dial, eventually, serving

AHEAD = 200  # requests of one client that wait, most of them in the kernel
COMBINATIONS = [Combination("adaptive", *each) for each in (("tcp", 1), ("tcp", 2), ("unix", 2))]


class Comer(threading.Thread):
    """Connects anew for each request, and does not wait for its answer, until nobody listens."""

    def __init__(self, server: Serving) -> None:
        super().__init__(daemon=True)
        self._address = server.addresses[0]
        self._asked: deque[Client] = deque()
        self.answered = 0
        self.lost: list[str] = []

    def run(self) -> None:
        while True:
            try:
                sock = dial(self._address)
            except OSError:
                break  # it could not connect
            client = Client(sock)
            self._asked.append(client)
            with contextlib.suppress(OSError):  # seen when the answer is read
                client.send(get("/raw/hello", "Connection: close"))
            if len(self._asked) > AHEAD:
                self._read()
        while self._asked:
            self._read()

    def _read(self) -> None:
        with self._asked.popleft() as client:
            try:
                assert client.answer().body == b"hello"
                self.answered += 1
            except (OSError, AssertionError) as error:
                self.lost.append(repr(error))


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_who_could_connect_is_answered(place: Path, combination: Combination, turn: int) -> None:
    with serving(combination, place) as server:
        comers = [Comer(server) for _ in range(4)]
        for comer in comers:
            comer.start()
        eventually(lambda: all(comer.answered > 10 for comer in comers), "that all are answered")
        server.signal(signal.SIGTERM)
        assert server.await_end() == 0
        for comer in comers:
            comer.join(30)
        assert [comer.lost for comer in comers] == [[]] * len(comers)


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_full_backlog_is_served(place: Path, combination: Combination) -> None:
    """Hundreds that wait in the kernel while every thread is busy."""
    options = (f"--threads={1}", "--worker-connections=20")
    with serving(combination, place, *options) as server:
        gate, busy = server.token(), []
        while server.happened(f"waiting {gate}") < combination.workers:
            busy.append(server.connect())
            busy[-1].send(get(f"/wait?token={gate}"))
            eventually(
                lambda: server.happened(f"waiting {gate}") or len(busy) > 20, "a busy worker"
            )
        waiting = [server.connect() for _ in range(300)]
        for client in waiting:
            client.send(get("/raw/hello", "Connection: close"))
        server.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in server.log, "that it is to stop")
        server.open_gate(gate)
        for client in (*waiting, *busy):
            assert client.answer().status == 200
            client.close()
        assert server.await_end() == 0
