"""What --stats tells of requests, threads and connections, in every model."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.contract.behaviour.client import Client, get
from tests.contract.behaviour.serving import (
    OF_EACH_MODEL,
    Combination,
    Serving,
    dial,
    eventually,
    serving,
)

Told = dict[str, Any]

each_model = pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)


class Watched:
    """A server with one worker, and what it tells."""

    def __init__(self, server: Serving) -> None:
        self.server = server

    def look(self) -> Told:
        """What its worker does now."""
        with Client(dial(str(self.server.directory / "stats"))) as client:
            answer = client.get("/")
        assert answer.status == 200
        assert answer.fields["content-type"] == "application/json"
        (worker,) = json.loads(answer.body)["workers"]
        assert isinstance(worker, dict)
        return worker

    def see(self, sight: Callable[[Told], object]) -> Told:
        """Look again and again until the sight is seen."""
        seen: list[Told] = []

        def look() -> object:
            seen[:] = [self.look()]
            return sight(seen[0])

        try:
            eventually(look, "what is looked for")
        except AssertionError:
            raise AssertionError(f"not among what is told: {seen}") from None
        return seen[0]


@contextmanager
def watched(combination: Combination, place: Path, *options: str) -> Iterator[Watched]:
    with serving(combination, place, f"--stats=unix:{place}/stats", *options) as server:
        yield Watched(server)


def at_work(worker: Told) -> list[Told]:
    """The threads that have something in hand."""
    return [thread for thread in worker["threads"] if thread["state"] in {"running", "blocked"}]


def states_at(worker: Told, request: str) -> list[str]:
    return [thread["state"] for thread in worker["threads"] if thread["request"] == request]


@each_model
def test_a_request_in_flight_is_seen_with_what_its_thread_does(
    place: Path, combination: Combination
) -> None:
    with watched(combination, place) as watch:
        for path, state in (("/wait", "blocked"), ("/burn", "running")):
            gate = watch.server.token()
            with watch.server.connect() as client:
                client.send(get(f"{path}?token={gate}", "Connection: close"))
                watch.server.await_event(f"waiting {gate}")
                request = f"GET {path}"
                worker = watch.see(lambda told, at=request, is_=state: is_ in states_at(told, at))
                (thread,) = at_work(worker)
                assert worker["connections"] == 1
                assert worker["queue"] == 0
                assert gate not in json.dumps(worker)
                longer = watch.see(lambda told, at=request: states_at(told, at))
                assert at_work(longer)[0]["seconds"] > thread["seconds"] > 0
                assert Path(f"/proc/{worker['pid']}/task/{thread['native_id']}").exists()
                watch.server.open_gate(gate)
                assert client.answer().status == 200
        worker = watch.see(lambda told: not at_work(told) and not told["connections"])
        assert worker["requests"] == 2
        assert worker["cpu_seconds"] > 0
        assert worker["memory_bytes"] > 1 << 20


@each_model
def test_nothing_is_at_work_where_nobody_asks(place: Path, combination: Combination) -> None:
    with watched(combination, place, "--threads=1") as watch:
        worker = watch.see(lambda told: combination.model == "thread" or told["threads"])
        states = [thread["state"] for thread in worker["threads"]]
        assert states == {"thread": [], "adaptive": ["leading"]}.get(combination.model, ["idle"])
        assert worker["thread_limit"] == 1
        assert worker["state"] == "ready"
        assert (worker["requests"], worker["connections"], worker["queue"]) == (0, 0, 0)


@pytest.mark.parametrize("model", ["pool", "adaptive"])
def test_what_waits_for_a_thread_is_counted(place: Path, model: str) -> None:
    with watched(Combination(model), place, "--threads=1") as watch:
        gate = watch.server.token()
        clients = [watch.server.connect() for _ in range(3)]
        for client in clients:
            client.send(get(f"/wait?token={gate}"))
        if model == "pool":  # whose thread does not see to what comes while it is at work
            watch.see(lambda told: told["queue"] == 2 and told["connections"] == 3)
        watch.see(lambda told: states_at(told, "GET /wait") == ["blocked"])
        watch.server.open_gate(gate)
        for client in clients:
            assert client.answer().body == b"waited"
            client.close()
        worker = watch.see(lambda told: not told["queue"] and not told["connections"])
        assert worker["requests"] == 3


def test_a_thread_whose_client_asks_for_nothing_is_idle(place: Path) -> None:
    with watched(Combination("thread"), place) as watch, watch.server.connect() as client:
        for count in (0, 1, 2):
            worker = watch.see(lambda told, n=count: told["requests"] == n and told["threads"])
            (thread,) = worker["threads"]
            assert (thread["state"], thread["request"]) == ("idle", None)
            assert isinstance(thread["connection"], int)
            assert client.get("/raw/hello").body == b"hello"


@pytest.mark.parametrize("model", ["serial", "thread", "pool"])
def test_a_thread_that_a_slow_client_holds_is_seen(place: Path, model: str) -> None:
    with watched(Combination(model), place) as watch, watch.server.connect() as client:
        client.send(b"GET /slow?secret HTTP/1.1\r\nHo")
        worker = watch.see(lambda told: [t["state"] for t in at_work(told)] == ["blocked"])
        (thread,) = at_work(worker)
        assert (thread["request"], thread["seconds"]) == (None, None)
        assert isinstance(thread["connection"], int)


@each_model
def test_an_answer_that_is_not_taken_is_seen(place: Path, combination: Combination) -> None:
    """By the thread that it holds; the adaptive model's are free, and the connection is open."""
    with watched(combination, place) as watch, watch.server.connect() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(get("/raw/whole?size=50000000"))
        if combination.model == "adaptive":
            watch.see(lambda told: told["connections"] == 1 and not at_work(told))
        else:
            watch.see(lambda told: states_at(told, "GET /raw/whole") == ["blocked"])


@each_model
def test_a_long_path_is_cut(place: Path, combination: Combination) -> None:
    with watched(combination, place) as watch, watch.server.connect() as client:
        gate = watch.server.token()
        client.send(get(f"/wait/{'x' * 1000}?token={gate}"))
        worker = watch.see(at_work)
        assert at_work(worker)[0]["request"] == f"GET /wait/{'x' * 1000}"[:200]
        watch.server.open_gate(gate)


def test_the_same_as_metrics(place: Path) -> None:
    """As Prometheus's own parser reads them."""
    with watched(Combination("adaptive", workers=2), place) as watched_server:
        server = watched_server.server
        with server.connect() as client:
            for _ in range(2):
                assert client.get("/hello").status == 200
            sent = f"X-Request-Start: t={time.time() - 2:.3f}"
            assert client.get("/hello", sent).status == 200
            assert client.get("/fail?at=call&token=metrics").status == 500
        with server.connect() as client:
            client.send(b"nonsense\r\n\r\n")
            assert client.answer().status == 400
        with Client(dial(str(place / "stats"))) as client:
            answer = client.get("/metrics")
    assert answer.fields["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {each.name: each for each in text_string_to_metric_families(answer.body.decode())}

    def total(name: str, suffix: str = "") -> float:
        samples = families[name].samples
        return sum(each.value for each in samples if each.name == name + suffix)

    assert total("paceline_requests", "_total") == 4
    assert total("paceline_failed", "_total") == 1
    assert total("paceline_refused", "_total") == 1
    assert total("paceline_duration_seconds", "_count") == 4
    assert total("paceline_queue_seconds", "_count") == 4
    assert total("paceline_since_proxy_seconds", "_count") == 1
    assert total("paceline_since_proxy_seconds", "_sum") > 1.9
    assert 0 < total("paceline_queue_seconds", "_sum") < total("paceline_duration_seconds", "_sum")
    assert len(families["paceline_gil_wait_seconds"].samples) == 2
    states = {each.labels["state"] for each in families["paceline_threads"].samples}
    assert states == {"idle", "leading", "busy", "running", "blocked"}
    assert families["paceline"].samples[0].labels["model"] == "adaptive"
