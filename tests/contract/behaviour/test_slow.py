"""In the adaptive model a slow client holds no thread, whatever it is slow at."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client, get, post, post_chunked
from tests.contract.behaviour.serving import OF_EACH_MODEL, Combination, Serving, serving

CLIENTS = 30
SIZE = 5_000_000
AT_ONCE = 5.0  # seconds: a few times what a busy machine takes, a fraction of the time limits

HEAD = get("/raw/hello")
BODY = post("/echo", b"x" * 20_000)
CHUNKS = post_chunked("/echo", b"x" * 10_000, b"y" * 10_000)


@pytest.fixture(scope="module", params=["tcp", "unix"])
def narrow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """Four threads, and room for an answer of more than one part."""
    place = tmp_path_factory.mktemp("s")
    combination = Combination("adaptive", request.param)
    with serving(combination, place, "--threads=4", "--answer-buffered=8M") as server:
        yield server


@pytest.fixture
def others(narrow: Serving) -> Iterator[list[Client]]:
    """Clients that are there meanwhile."""
    clients = [narrow.connect() for _ in range(CLIENTS)]
    yield clients
    for client in clients:
        client.close()


def check_quick(server: Serving) -> None:
    """A client that is not slow is answered at once."""
    for request, body in ((HEAD, b"hello"), (post("/echo", b"body"), b"body")):
        begun = time.monotonic()
        with server.connect() as client:
            assert client.ask(request).body == body
        assert time.monotonic() - begun < AT_ONCE


@pytest.mark.parametrize("part", [1, 20, len(HEAD) - 1])
def test_clients_with_part_of_a_head(narrow: Serving, others: list[Client], part: int) -> None:
    for client in others:
        client.send(HEAD[:part])
    check_quick(narrow)
    for client in others:
        client.send(HEAD[part:])
        assert client.answer().body == b"hello"


@pytest.mark.parametrize("request_", [BODY, CHUNKS], ids=["length", "chunks"])
def test_clients_with_part_of_a_body(
    narrow: Serving, others: list[Client], request_: bytes
) -> None:
    for client in others:
        client.send(request_[:9_000])
    check_quick(narrow)
    for client in others:
        client.send(request_[9_000:])
        assert len(client.answer().body) == 20_000


def test_clients_that_wait_for_100(narrow: Serving, others: list[Client]) -> None:
    for client in others:
        client.send(get("/echo", "Expect: 100-continue", "Content-Length: 4", method="POST"))
        assert client.head()[0] == 100
    check_quick(narrow)
    for client in others:
        assert client.ask(b"body").body == b"body"


@pytest.mark.parametrize(
    "target",
    [
        f"/raw/whole?size={SIZE}",
        f"/parts?count=100&size={SIZE // 100}",
        f"/parts?count=100&size={SIZE // 100}&length={SIZE}",
        "/raw/file?name=large",
    ],
)
def test_clients_that_do_not_take_their_answer(
    narrow: Serving, others: list[Client], target: str
) -> None:
    with (narrow.directory / "large").open("wb") as file:
        file.truncate(SIZE)
    for client in others:
        client.send(get(target) + HEAD)
    check_quick(narrow)
    for client in others:
        assert len(client.answer().body) == SIZE
        assert client.answer().body == b"hello"


def test_clients_that_leave_part_of_their_answer(narrow: Serving, others: list[Client]) -> None:
    for client in others:
        client.send(get(f"/raw/whole?size={SIZE}"))
        client.head()
    check_quick(narrow)
    for client in others:
        client.close()
    check_quick(narrow)


def test_a_body_in_one_piece_needs_no_room(place: Path) -> None:
    """Its bytes are in memory already, and its application has no more to give."""
    options = ("--threads=2", "--answer-buffered=10K")
    with serving(Combination("adaptive"), place, *options) as server:
        clients = [server.connect() for _ in range(4)]
        for client in clients:
            client.send(get(f"/raw/whole?size={SIZE}"))
        check_quick(server)
        for client in clients:
            assert len(client.answer().body) == SIZE
            client.close()


@pytest.mark.parametrize("combination", OF_EACH_MODEL, ids=str)
@pytest.mark.parametrize("others_too", [False, True], ids=["alone", "beside others"])
def test_what_was_not_taken_at_once_does_not_wait_for_the_next_part(
    place: Path, combination: Combination, others_too: bool
) -> None:
    """However long the application takes for that: the first part arrives whole."""
    with serving(combination, place, "--answer-buffered=8M") as server, server.connect() as client:
        token = server.token()
        client.send(get(f"/yield_then_wait?token={token}&size={SIZE}"))
        client.head()
        if combination.model != "serial" and others_too:
            check_quick(server)
        if combination.model == "adaptive":  # the others wait until all is taken
            server.await_event(f"waiting {token}")
        assert len(client.chunk()) == SIZE
        server.open_gate(token)
        assert client.chunk() == b" and later"
        assert client.chunk() == b""


def test_past_the_bound_the_application_waits(place: Path) -> None:
    """So that memory has a bound too; and it goes on as its client takes."""
    options = ("--answer-buffered=10K",)
    with serving(Combination("adaptive"), place, *options) as server, server.connect() as client:
        token = server.token()
        client.send(get(f"/endless?token={token}"))
        client.head()
        pid, _, _ = json.loads(ask(server, get("/process")))
        for _ in range(300):
            assert len(client.chunk()) == 10_000
        assert memory(pid) < 200_000_000
        check_quick(server)


def ask(server: Serving, request: bytes) -> bytes:
    with server.connect() as client:
        return client.ask(request).body


def memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_idle_clients(narrow: Serving, others: list[Client]) -> None:
    for client in others:
        assert client.ask(HEAD).body == b"hello"
    check_quick(narrow)
    for client in others:
        assert client.ask(HEAD).body == b"hello"
