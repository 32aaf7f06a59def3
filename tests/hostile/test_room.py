"""More connections than there is room for, and memory and disk that are too small."""

import os
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lab.bench.attacks import under_attack
from tests.contract.behaviour.client import get, post
from tests.contract.behaviour.serving import Combination, Serving, eventually, serving
from tests.hostile.victim import Held, check_let_in, check_served

ADAPTIVE = Combination("adaptive")
MANY = 10_000
BESIDE = 500  # descriptors of this process and of the attack


def test_ten_thousand_idle_connections(place: Path) -> None:
    """They cost a descriptor and about a kilobyte each, and nobody else's time."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY + BESIDE:
        pytest.skip(f"{MANY + BESIDE} descriptors are needed, and {hard} allowed (ulimit -Hn)")
    with serving(ADAPTIVE, place, f"--worker-connections={MANY + BESIDE}") as server:
        (pid,) = server.workers
        held = Held(pid)
        check_served(server)
        before, memory = held.connections(), held.memory()
        with under_attack("idle", server.tcp, MANY):
            assert held.connections() >= MANY
            check_served(server)
            assert held.memory() - memory < MANY * 4096
        eventually(lambda: held.connections() <= before, "that all are closed")
        check_served(server)


@pytest.mark.parametrize("name", ["silent", "idle", "slow-heads"])
def test_those_who_do_nothing_make_room(place: Path, name: str) -> None:
    """Whoever comes when all places are taken gets one; whoever is served keeps theirs."""
    with serving(ADAPTIVE, place, "--worker-connections=30") as server, server.connect() as busy:
        gate = server.token()
        busy.send(get(f"/wait?token={gate}"))
        server.await_event(f"waiting {gate}")
        with under_attack(name, server.tcp, 29):
            for _ in range(3):
                check_let_in(server)
        server.open_gate(gate)
        assert busy.answer().body == b"waited"


def test_a_client_at_work_is_not_sent_away(place: Path) -> None:
    """Of those who are there, the silent go before one who was answered."""
    with serving(ADAPTIVE, place, "--worker-connections=10") as server, server.connect() as kept:
        kept.get("/raw/hello")
        with under_attack("silent", server.tcp, 9):
            until = time.monotonic() + 4
            while time.monotonic() < until:
                check_let_in(server)
                assert kept.get("/raw/hello").body == b"hello"


def test_a_body_on_a_full_disk(place: Path) -> None:
    """503, and all others are served; nothing of it stays on the disk."""
    disk = place / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=256k none {disk} && TMPDIR={disk} exec "$@"'
    prefix = ["unshare", "-rm", "sh", "-c", script, "sh"]
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("a file system of its own needs user namespaces (unshare -rm)")
    with serving(ADAPTIVE, place, "--body-in-memory=1K", prefix=prefix) as server:
        for _ in range(3):
            with server.connect() as client:
                answer = client.ask(post("/echo", b"x" * 1_000_000))
                assert (answer.status, answer.closes) == (503, True)
            # What was kept of it goes away once its client has been told.
            eventually(lambda: fits(server), "that there is room for a smaller one")
        assert "A body cannot be kept: [Errno 28]" in server.log


def fits(server: Serving) -> bool:
    with server.connect() as client:
        return len(client.ask(post("/echo", b"x" * 200_000)).body) == 200_000


def test_a_body_larger_than_memory(place: Path) -> None:
    """It goes to the disk: the process does not grow by it."""
    size, piece = 300_000_000, b"x" * 1_000_000
    if os.statvfs("/tmp").f_bavail * os.statvfs("/tmp").f_frsize < 2 * size:
        pytest.skip("there is no room for it in /tmp")
    with serving(ADAPTIVE, place) as server, server.connect() as client:
        (pid,) = server.workers
        held = Held(pid)
        before = most = held.memory()
        client.send(get("/digest?how=sized", f"Content-Length: {size}", method="POST"))
        for _ in range(size // len(piece)):
            client.send(piece)
            most = max(most, held.memory())
        assert client.answer().status == 200
        assert most - before < 30_000_000


def test_half_closed_is_not_gone(place: Path) -> None:
    """Who says that no more comes still gets the answer to what came."""
    with serving(ADAPTIVE, place) as server, server.connect() as client:
        client.send(get("/raw/whole?size=3000000") + post("/echo", b"body"))
        client.sock.shutdown(socket.SHUT_WR)
        assert len(client.answer().body) == 3_000_000
        assert client.answer().body == b"body"
        assert client.was_closed()
