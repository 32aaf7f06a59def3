"""Large bodies up and down, bodies cut short, and where they are kept."""

import hashlib
import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.behaviour.client import get, post, post_chunked
from tests.contract.behaviour.serving import (
    COMBINATIONS,
    Combination,
    Serving,
    eventually,
    serving,
    target_of,
)

MANY = 10_000_000
LARGE = bytes(range(256)) * (MANY // 256)
HASH = hashlib.sha256(LARGE).hexdigest()


# What two workers do with a large body is no different from what one does.
with_one_worker = pytest.mark.parametrize(
    "server", [each for each in COMBINATIONS if each.workers == 1], indirect=True, ids=str
)


@with_one_worker
@pytest.mark.parametrize("how", ["all", "sized"])
def test_a_large_body_with_a_length(server: Serving, how: str) -> None:
    with server.connect() as client:
        answer = json.loads(client.ask(post(f"/digest?how={how}", LARGE)).body)
        assert answer[:2] == [len(LARGE), HASH]
        if server.keeps_connections:
            assert client.get("/raw/hello").body == b"hello"


@with_one_worker
def test_a_large_body_in_chunks(server: Serving) -> None:
    sizes = [1, 4_000, 70_000, 900_000]
    chunks: list[bytes] = []
    at = 0
    while at < len(LARGE):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(LARGE[at : at + size])
        at += size
    with server.connect() as client:
        answer = json.loads(client.ask(post_chunked("/digest?how=all", *chunks)).body)
        assert answer[:2] == [len(LARGE), HASH]
        if server.keeps_connections:
            assert client.get("/raw/hello").body == b"hello"


@with_one_worker
@pytest.mark.parametrize(
    "target",
    [
        f"/raw/whole?size={MANY}",
        f"/whole?size={MANY}",
        f"/parts?count=100&size={MANY // 100}",
        f"/parts?count=1000&size={MANY // 1000}&length={MANY}",
        "/raw/file?name=large",
        "/file?name=large",
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_large_answer(server: Serving, target: str, version: str) -> None:
    with (server.directory / "large").open("wb") as file:
        file.truncate(MANY)
    with server.connect() as client:
        answer = client.ask(get(target, "Connection: keep-alive", version=version))
        assert len(answer.body) == MANY
        if not answer.closes:
            assert client.get("/raw/hello").body == b"hello"


def test_a_file_without_sendfile(place: Path) -> None:
    with serving(Combination("adaptive"), place, "--no-sendfile") as server:
        (place / "large").write_bytes(LARGE)
        with server.connect() as client:
            for offset, length in ((0, len(LARGE)), (300, len(LARGE) - 300), (300, 1_000_000)):
                answer = client.get(f"/raw/file?name=large&offset={offset}&length={length}")
                assert answer.body == LARGE[offset:][:length]
            assert client.get("/raw/file?name=large&offset=5").body == LARGE[5:]


# --- bodies cut short -----------------------------------------------------------------------------


@with_one_worker
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [10, 500_000])
def test_a_body_cut_short_never_reaches_the_application(
    server: Serving, chunked: bool, size: int
) -> None:
    token = server.token()
    body = b"x" * size
    request = (post_chunked if chunked else post)(f"/echo?token={token}", body)
    for missing in (1, 7):
        with server.connect() as client:
            client.send(request[:-missing])
            client.sock.shutdown(socket.SHUT_WR)
            assert client.rest() in (b"", b"HTTP/1.1 100 Continue\r\n\r\n")
    with server.connect() as client:  # which is taken up after those
        assert client.ask(request).body == body
    assert server.happened(f"called {token}") == 1


def test_a_client_that_resets_in_the_midst_of_a_body(server: Serving) -> None:
    token = server.token()
    request = post(f"/echo?token={token}", b"x" * 500_000)
    with server.connect() as client:
        client.send(request[:-1])
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with server.connect() as client:
        assert client.ask(request).status == 200
    assert server.happened(f"called {token}") == 1


# --- where a body is kept -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [12_000, 100_000])
def test_a_body_that_finds_no_room(place: Path, size: int) -> None:
    """It is the server's trouble, so 503; and it serves on.

    12,000 bytes are not past the limit before the last of them leave Python's own buffer.
    """
    code = "import os, resource as r, sys; r.setrlimit(r.RLIMIT_FSIZE, (10000, 10000)); "
    limit = [sys.executable, "-c", f"{code}os.execv(sys.argv[1], sys.argv[1:])"]
    combination = Combination("adaptive")
    with serving(combination, place, "--body-in-memory=100", prefix=limit) as server:
        for request in (
            post("/digest?how=all", b"x" * size),
            post_chunked("/digest?how=all", b"x" * size),
        ):
            with server.connect() as client:
                answer = client.ask(request)
                assert answer.status == 503
                assert answer.closes
        with server.connect() as client:
            assert client.ask(post("/echo", b"x" * 5_000)).body == b"x" * 5_000


def test_bodies_take_no_more_of_the_disk_than_they_may(place: Path) -> None:
    """All of them together, half-sent ones too; and what is over makes room."""
    options = ("--body-in-memory=100", "--bodies-on-disk=10000")
    with serving(Combination("adaptive"), place, *options) as server:
        with server.connect() as holder:
            holder.send(post("/echo", b"x" * 6_000)[:-1])
            with server.connect() as client:
                eventually(lambda: ask_for_room(server) == 503, "that there is no room")
                answer = client.ask(post("/echo", b"x" * 50))
                assert answer.body == b"x" * 50, "what is kept in memory needs none"
            holder.send(b"x")
            assert len(holder.answer().body) == 6_000
        eventually(lambda: ask_for_room(server) == 200, "that there is room again")
        with server.connect() as client:
            assert client.ask(post("/echo", b"x" * 10_001)).status == 503
            client.close()
        for _ in range(5):
            assert ask_for_room(server) == 200


def ask_for_room(server: Serving) -> int:
    with server.connect() as client:
        return client.ask(post_chunked("/echo", b"x" * 6_000)).status


@with_one_worker
def test_nothing_is_left_open(server: Serving) -> None:
    """Whatever became of a request, its files and its connection are closed."""
    (server.directory / "left").write_bytes(LARGE)
    with server.connect() as client:
        pid = json.loads(client.get("/process").body)[0]

    def descriptors() -> int:
        # A rider that is started meanwhile stays, and so does the descriptor of its clock.
        found = Path(f"/proc/{pid}/fd").iterdir()
        return sum("schedstat" not in target_of(each) for each in found)

    eventually(lambda: count_stays(descriptors), "that the server is at rest")
    before = descriptors()
    for _ in range(5):
        with server.connect() as client:
            client.ask(post("/echo", LARGE[:2_000_000]))
        with server.connect() as client:
            assert client.get("/raw/file?name=left").body == LARGE
        for request in (post("/echo", LARGE[:2_000_000])[:-1], get("/raw/file?name=left")):
            with server.connect() as client:
                client.send(request)
                client.sock.shutdown(socket.SHUT_WR)
                client.sock.recv(10)
    eventually(lambda: descriptors() <= before, f"{before} descriptors as before")


def count_stays(count: Callable[[], int]) -> bool:
    """Whether a second look sees the same."""
    first = count()
    time.sleep(0.05)
    return count() == first
