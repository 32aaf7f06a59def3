"""Several workers have the same to do: kept connections are shared out among them."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client
from tests.contract.behaviour.serving import Combination, Serving, eventually, serving

EVEN = 1.2  # the busiest worker's connections, as a multiple of the least busy one's


@contextmanager
def several(place: Path, workers: int) -> Iterator[Serving]:
    with serving(Combination("adaptive", "tcp", workers), place, f"--stats=unix:{place}/t") as made:
        yield made


def connections(server: Serving) -> dict[int, int]:
    """How many each worker has, by its process."""
    with socket.socket(socket.AF_UNIX) as stats:
        stats.connect(f"{server.directory}/t")
        stats.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: stats.recv(65536), b""))
    told = json.loads(answer.partition(b"\r\n\r\n")[2])["workers"]
    return {each["pid"]: each["connections"] or 0 for each in told}


def visit(server: Serving, number: int) -> list[Client]:
    """Clients that come at once, are answered, and stay."""
    clients = [server.connect() for _ in range(number)]
    for client in clients:
        assert client.get("/raw/hello").body == b"hello"
    return clients


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_kept_connections_are_shared_out(place: Path, workers: int) -> None:
    """To the one that has fewest, unless it has no time: on a busy machine that may be so."""

    def is_even() -> bool:
        clients = visit(server, 10 * workers)
        counts = connections(server).values()
        for client in clients:
            client.close()
        eventually(lambda: sum(connections(server).values()) == 0, "that all are closed")
        return len(counts) == workers and max(counts) <= EVEN * min(counts)

    with several(place, workers) as server:
        eventually(is_even, "that all have as much to do")


def test_one_that_has_no_time_is_not_waited_for(place: Path) -> None:
    with several(place, 2) as server:
        stopped, other = server.workers
        os.kill(stopped, signal.SIGSTOP)
        try:
            for client in visit(server, 20):
                client.close()
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert {stopped, other} == set(server.workers)


def test_the_place_of_one_that_was_killed_is_free(place: Path) -> None:
    """Nobody leaves anything to it, and its successor gets its share."""
    with several(place, 2) as server:
        clients = visit(server, 4)
        killed, _ = server.workers
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(server.workers) == 2 and killed not in server.workers, "another")
        for client in clients:
            client.close()
        eventually(lambda: sum(connections(server).values()) == 0, "that all are closed")
        clients = visit(server, 20)
        assert min(connections(server).values()) > 0
        for client in clients:
            client.close()
