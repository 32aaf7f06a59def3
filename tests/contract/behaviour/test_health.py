"""The health path: what the server says of itself, whatever its application is busy with."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Answer, get, post
from tests.contract.behaviour.serving import (
    OF_EACH_MODEL,
    Combination,
    Serving,
    eventually,
    serving,
)

POLLED = [each for each in OF_EACH_MODEL if each.model in ("adaptive", "pool")]


def check(server: Serving) -> Answer:
    """Ask over a connection of its own."""
    with server.connect() as client:
        return client.get("/healthz")


@contextmanager
def both_threads_busy(server: Serving, requests: int) -> Iterator[None]:
    """So many requests are there, two of them with a thread; they are answered at the end."""
    gate = server.token()
    clients = [server.connect() for _ in range(requests)]
    for client in clients:
        client.send(get(f"/wait?token={gate}"))
    server.await_event(f"waiting {gate}", 2)
    yield
    server.open_gate(gate)
    for client in clients:
        assert client.answer().body == b"waited"
        client.close()


@pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)
def test_it_is_answered_by_the_server(place: Path, combination: Combination) -> None:
    """In its turn on a connection, with or without a query or a body, and by its path alone."""
    with serving(combination, place, "--health-path=/healthz") as server:
        answer = check(server)
        assert (answer.status, answer.body) == (200, b"ok\n")
        assert answer.fields["cache-control"] == "no-store"
        with server.connect() as client:
            assert client.ask(get("/healthz?x=1", method="HEAD"), to_head=True).status == 200
        with server.connect() as client:
            assert client.ask(post("/healthz", b"body")).body == b"ok\n"
        with server.connect() as client:
            assert client.get("/raw/hello").body == b"hello"
        if server.keeps_connections:
            with server.connect() as client:
                client.send(get("/healthz") + post("/echo", b"body") + get("/healthz"))
                found = [client.answer().body for _ in range(3)]
                assert found == [b"ok\n", b"body", b"ok\n"]


def test_without_the_setting_it_is_a_path_like_any_other(place: Path) -> None:
    with serving(Combination("adaptive"), place) as server:
        assert check(server).body == b"hello"


@pytest.mark.parametrize("combination", POLLED, ids=str)
def test_no_queue_comes_before_it(place: Path, combination: Combination) -> None:
    """All threads are held up, requests wait for one: it says so at once, and when that is over."""
    options = ("--health-path=/healthz", "--threads=2")
    with serving(combination, place, *options) as server:
        with both_threads_busy(server, requests=10):
            eventually(lambda: check(server).status == 503, "that no thread can be had")
            assert check(server).body == b"no thread can be had\n"
        eventually(lambda: check(server).status == 200, "that all is well")


@pytest.mark.parametrize("combination", POLLED, ids=str)
def test_threads_that_are_all_busy_are_no_trouble(place: Path, combination: Combination) -> None:
    options = ("--health-path=/healthz", "--threads=2")
    with serving(combination, place, *options) as server:
        with both_threads_busy(server, requests=2):
            assert check(server).body == b"ok\n"


def test_work_does_not_hold_it_up(place: Path) -> None:
    """Requests that use the CPU: they get on, so all is well, and checks go ahead of the queue."""
    with serving(Combination("adaptive"), place, "--health-path=/healthz") as server:
        gate = server.token()
        busy = [server.connect() for _ in range(3)]
        for client in busy:
            client.send(get(f"/burn?token={gate}"))
        server.await_event(f"waiting {gate}")
        for _ in range(5):
            assert check(server).status == 200
        server.open_gate(gate)
        for client in busy:
            assert client.answer().body == b"burnt"
            client.close()


@pytest.mark.parametrize("combination", POLLED, ids=str)
def test_while_it_drains(place: Path, combination: Combination) -> None:
    with serving(combination, place, "--health-path=/healthz") as server:
        with server.connect() as busy, server.connect() as kept:
            gate = server.token()
            assert kept.get("/healthz").status == 200
            kept.send(get("/healthz")[:10])
            busy.send(get(f"/wait?token={gate}"))
            server.await_event(f"waiting {gate}")
            server.signal(signal.SIGTERM)
            eventually(lambda: "stopping" in server.log, "that it is to stop")
            kept.send(get("/healthz")[10:])
            answer = kept.answer()
            assert (answer.status, answer.body) == (503, b"draining\n")
            assert answer.closes
            server.open_gate(gate)
            assert busy.answer().body == b"waited"
