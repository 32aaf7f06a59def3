"""How much: requests in flight, connections held, requests until a worker is replaced."""

import json
import select
import sys
import time
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client, get, post
from tests.contract.behaviour.serving import (
    NOT_SERIAL,
    OF_EACH_MODEL,
    PATIENCE,
    Combination,
    Serving,
    eventually,
    serving,
)

BY_DEFAULT = {"serial": 1, "thread": 20, "pool": 8, "adaptive": 20}

with_many = pytest.mark.parametrize("combination", NOT_SERIAL, ids=str)


def wait_at(server: Serving, gate: str, number: int) -> list[Client]:
    """Clients whose requests are all in flight, until the gate is opened."""
    clients = [server.connect() for _ in range(number)]
    for client in clients:
        client.send(get(f"/wait?token={gate}"))
    server.await_event(f"waiting {gate}", number)
    return clients


# Of one worker: which of two takes a connection is the kernel's choice.
@pytest.mark.parametrize("server", OF_EACH_MODEL, indirect=True, ids=str)
def test_requests_that_wait_are_served_at_once(server: Serving) -> None:
    """As many as a model has threads for, with no setting given."""
    gate = server.token()
    clients = wait_at(server, gate, BY_DEFAULT[server.combination.model])
    server.open_gate(gate)
    for client in clients:
        assert client.answer().body == b"waited"
        client.close()


@with_many
def test_work_does_not_stop_others(place: Path, combination: Combination) -> None:
    """A request that uses the CPU, for longer than it should, beside others that do not."""
    with serving(combination, place) as server, server.connect() as busy:
        gate = server.token()
        busy.send(get(f"/burn?token={gate}"))
        server.await_event(f"waiting {gate}")
        for _ in range(5):
            with server.connect() as client:
                assert client.get("/raw/hello").body == b"hello"
        server.open_gate(gate)
        assert busy.answer().body == b"burnt"


def test_who_asks_many_at_once_takes_turns_with_others(place: Path) -> None:
    with (
        serving(Combination("adaptive", "tcp", 1), place, "--threads=1") as server,
        server.connect() as greedy,
        server.connect() as other,
    ):
        gates = [server.token() for _ in range(3)]
        greedy.send(b"".join(get(f"/wait?token={gate}") for gate in gates))
        server.await_event(f"waiting {gates[0]}")
        other.send(get("/raw/hello"))
        for gate in gates[:2]:
            server.open_gate(gate)
        assert other.answer().body == b"hello"
        server.open_gate(gates[2])
        assert [greedy.answer().body for _ in gates] == [b"waited"] * 3


@with_many
def test_threads_bound_what_is_in_flight(place: Path, combination: Combination) -> None:
    with serving(combination, place, "--threads=2") as server:
        gate = server.token()
        first = wait_at(server, gate, 2)
        with server.connect() as third:
            third.send(get(f"/wait?token={gate}"))
            assert not readable(third, 0.3)
            assert server.happened(f"waiting {gate}") == 2
            server.open_gate(gate)
            for client in first:
                assert client.answer().body == b"waited"
                client.close()
            assert third.answer().body == b"waited"


def readable(client: Client, within: float) -> bool:
    return bool(select.select([client.sock], [], [], within)[0])


@with_many
def test_connections_are_bounded(place: Path, combination: Combination) -> None:
    """Past the bound they wait, and are served as soon as another is closed."""
    with serving(combination, place, "--worker-connections=3") as server:
        held = [server.connect() for _ in range(3)]
        for client in held:
            assert client.get("/raw/hello").body == b"hello"
        waiting = [server.connect() for _ in range(2)]
        for client in waiting:
            client.send(get("/raw/hello"))
        assert not readable(waiting[0], 0.3)
        for client in held:
            assert client.get("/raw/hello").body == b"hello"
        for client in held:
            client.close()
        for client in waiting:
            assert client.answer().body == b"hello"
            client.close()


@with_many
def test_a_full_server_rests(place: Path, combination: Combination) -> None:
    """While connections wait for room there is nothing to do, so nothing is done."""
    with serving(combination, place, "--worker-connections=2") as server:
        held = [server.connect() for _ in range(2)]
        (pid, *_), _ = (json.loads(client.get("/process").body) for client in held)
        waiting = [server.connect() for _ in range(3)]
        before, begun = cpu_time(pid), time.monotonic()
        held[0].sock.settimeout(None)
        assert not readable(waiting[0], 1.0)
        share = (cpu_time(pid) - before) / (time.monotonic() - begun)
        assert share < 0.2, f"{share:.0%} of a core, for nothing"
        for client in (*held, *waiting):
            client.close()


FEW = "import os, resource as r, sys; r.setrlimit(r.RLIMIT_NOFILE, (40, 40)); "
LIMITED = [sys.executable, "-c", f"{FEW}os.execv(sys.argv[1], sys.argv[1:])"]


@with_many
def test_more_connections_than_descriptors(place: Path, combination: Combination) -> None:
    """Those that find none wait as others do; nothing ends, and nothing spins."""
    with serving(combination, place, prefix=LIMITED) as server:
        assert "worker_connections=1000 needs 1256 descriptors, and 40 are allowed" in server.log
        with server.connect() as client:
            pid, *_ = json.loads(client.get("/process").body)
        clients = [server.connect() for _ in range(60)]
        for client in clients:
            client.send(get("/raw/hello"))
        for client in clients[:10]:
            assert client.answer().body == b"hello"
        before, begun = cpu_time(pid), time.monotonic()
        select.select([], [], [], 0.5)
        share = (cpu_time(pid) - before) / (time.monotonic() - begun)
        assert share < 0.4, f"{share:.0%} of a core, for nothing"
        for client in clients:
            client.close()
        with server.connect() as client:
            assert json.loads(client.get("/process").body)[0] == pid
        assert "Cannot accept" not in server.log


@with_many
def test_an_application_that_takes_every_descriptor(place: Path, combination: Combination) -> None:
    """Who comes meanwhile is told so at once, and the log in one line; then all is as before."""
    with serving(combination, place, prefix=LIMITED) as server, server.connect() as hoarder:
        gate = server.token()
        hoarder.send(get(f"/hoard?token={gate}"))
        server.await_event(f"waiting {gate}")
        for _ in range(20):
            with server.connect() as client:
                client.send(get("/raw/hello"))
                assert client.answer().status == 503
                assert client.was_closed()
        assert server.log.count("Cannot accept a connection") == 1
        server.open_gate(gate)
        assert hoarder.answer().body == b"hoarded"
        for _ in range(5):
            with server.connect() as client:
                assert client.get("/raw/hello").body == b"hello"


def cpu_time(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize("server", OF_EACH_MODEL, indirect=True, ids=str)
def test_an_idle_server_rests(server: Serving) -> None:
    with server.connect() as client:
        pid = json.loads(client.get("/process").body)[0]
        if server.keeps_connections:
            client.get("/raw/hello")
        before, begun = cpu_time(pid), time.monotonic()
        select.select([], [], [], 0.5)
        share = (cpu_time(pid) - before) / (time.monotonic() - begun)
        assert share < 0.2, f"{share:.0%} of a core, for nothing"


# --- requests until a worker is replaced ----------------------------------------------------------


@pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)
@pytest.mark.parametrize("kept", [False, True])
def test_a_worker_is_replaced(place: Path, combination: Combination, kept: bool) -> None:
    """After as many requests as it may serve, and others until the next is ready; none is lost."""
    pids: list[int] = []
    deadline = time.monotonic() + PATIENCE
    with serving(combination, place, "--max-requests=5") as server:
        client = server.connect()
        while len({*pids}) < 3 and time.monotonic() < deadline:
            answer = client.ask(post("/raw/process", b"body"))
            pids.append(json.loads(answer.body)[0])
            if answer.closes or not kept:
                client.close()
                client = server.connect()
        client.close()
    served = [pids.count(pid) for pid in dict.fromkeys(pids)]
    assert min(served[:-1]) >= 5, served
    assert len(served) >= 3, served


@with_many
def test_a_worker_is_replaced_in_the_midst_of_many(place: Path, combination: Combination) -> None:
    with serving(combination, place, "--max-requests=10", "--threads=8") as server:
        gate = server.token()
        clients = wait_at(server, gate, 8)
        (old,) = server.workers
        server.open_gate(gate)
        for client in clients:
            assert client.answer().body == b"waited"
        for client in clients:  # each is closed, or answered once more
            try:
                assert client.get("/raw/hello").body == b"hello"
            except (OSError, AssertionError):
                pass
            client.close()
        eventually(lambda: old not in server.workers, "the end of the old")
        with server.connect() as client:
            assert client.get("/raw/hello").body == b"hello"
