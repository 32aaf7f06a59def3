"""How long a step may take: a head, a body, an idle connection, an answer that is not taken."""

import json
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.behaviour.client import Client, Cut, get, post
from tests.contract.behaviour.serving import (
    NOT_SERIAL,
    OF_EACH_MODEL,
    Combination,
    Serving,
    serving,
)

LIMIT = 0.4  # seconds
ROUGHLY = 5.0  # seconds at which a limit has been passed long ago, on a busy machine too
HASTY = [f"--{step}-timeout={LIMIT}" for step in ("head", "body", "send")]


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def hasty(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    place = tmp_path_factory.mktemp("s")
    options = (*HASTY, f"--keep-alive={LIMIT}", "--minimum-rate=1")
    with serving(request.param, place, *options) as server:
        yield server


class Watch:
    """Takes the time between two moments."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def check(self) -> None:
        """Not before the limit, and not long after it."""
        passed = time.monotonic() - self._begun
        assert LIMIT * 0.9 < passed < LIMIT + ROUGHLY


@pytest.mark.parametrize("part", [1, -1])
def test_a_head_that_does_not_end(hasty: Serving, part: int) -> None:
    with hasty.connect() as client:
        client.send(get("/raw/hello")[:part])
        watch = Watch()
        answer = client.answer()
        watch.check()
        assert answer.status == 408
        assert answer.closes
        assert client.was_closed()


def test_a_head_that_comes_bit_by_bit(hasty: Serving) -> None:
    """Its time is that of the whole: a byte now and then does not renew it."""
    with hasty.connect() as client:
        watch = Watch()
        for octet in get("/raw/hello", "X: " + "a" * 1000):
            client.send(bytes([octet]))
            if readable(client, 0.05):
                break
        else:
            pytest.fail("it was let come to its end")
        assert client.answer().status == 408
        watch.check()


def test_a_body_that_does_not_end(hasty: Serving) -> None:
    token = hasty.token()
    with hasty.connect() as client:
        client.send(post(f"/echo?token={token}", b"body")[:-1])
        watch = Watch()
        answer = client.answer()
        watch.check()
        assert answer.status == 408
        assert answer.closes
        assert client.was_closed()
    assert not hasty.happened(f"called {token}")


def test_a_body_that_comes_bit_by_bit(hasty: Serving) -> None:
    """However long the whole takes: a body over a slow line is no attack."""
    with hasty.connect() as client:
        body = b"0123456789"
        client.send(post("/echo", body)[: -len(body)])
        for octet in body:
            assert not readable(client, LIMIT / 4)
            client.send(bytes([octet]))
        assert client.answer().body == body


@pytest.mark.parametrize("combination", NOT_SERIAL, ids=str)
def test_a_body_that_comes_too_slowly(place: Path, combination: Combination) -> None:
    """A byte now and then is not enough, and what came fast at first buys time for it."""
    with serving(combination, place, *HASTY, "--minimum-rate=200") as server:
        with server.connect() as client:
            watch = Watch()
            client.send(post("/echo", b"x" * 100)[:-100] + b"x" * 20)
            for _ in range(80):
                if readable(client, LIMIT / 8):
                    break
                client.send(b"x")
            else:
                pytest.fail("it was let come to its end")
            assert client.answer().status == 408
            watch.check()


def test_a_client_that_takes_too_little(place: Path) -> None:
    """An answer of which a client takes a bit now and then is given up, and holds no thread."""
    options = (*HASTY, "--minimum-rate=100M", "--threads=1", "--answer-buffered=10K")
    with serving(Combination("adaptive"), place, *options) as server, server.connect() as client:
        token = server.token()
        client.send(get(f"/endless?token={token}"))
        client.head()
        with pytest.raises((AssertionError, ConnectionResetError)):
            for _ in range(10_000):
                client.chunk()
                time.sleep(LIMIT / 100)
        server.await_event(f"closed {token}")


def test_a_connection_on_which_nothing_comes(hasty: Serving) -> None:
    with hasty.connect() as client:
        watch = Watch()
        assert client.was_closed()
        watch.check()


@pytest.mark.parametrize("hasty", NOT_SERIAL, indirect=True, ids=str)
def test_a_connection_on_which_nothing_more_comes(hasty: Serving) -> None:
    with hasty.connect() as client:
        for _ in range(2):
            assert client.get("/raw/hello").body == b"hello"
        watch = Watch()
        assert client.was_closed()
        watch.check()


@pytest.mark.parametrize("target", ["/endless?token=", "/raw/file?name=endless&token="])
def test_a_client_that_takes_nothing(hasty: Serving, target: str) -> None:
    with (hasty.directory / "endless").open("wb") as file:
        file.truncate(100_000_000)
    token = hasty.token()
    with hasty.connect() as client:
        client.send(get(f"{target}{token}"))
        client.head()
        hasty.await_event(f"closed {token}")
        taken = read_to_the_end(client)
        assert taken < 50_000_000, "what was not taken in time is not sent"
    with hasty.connect() as client:
        assert client.get("/raw/hello").body == b"hello"


def read_to_the_end(client: Client) -> int:
    """Wait until the server has given up, then read what was on its way.

    Behind all that was not taken an orderly end would not be seen, so it must be a reset.
    """
    poller = select.poll()
    poller.register(client.sock, select.POLLHUP | select.POLLERR)
    assert poller.poll(ROUGHLY * 1000), "it was not given up"
    try:
        return len(client.rest())
    except ConnectionResetError:
        return 0


def test_an_application_that_does_not_listen_sends_no_more(hasty: Serving) -> None:
    """It was told that its client is given up.  Whatever it writes then, the answer has no gap."""
    token = hasty.token()
    with hasty.connect() as client:
        client.send(get(f"/stubborn?token={token}") + get("/never"))
        client.head()
        hasty.await_event(f"told {token}")
        with pytest.raises((Cut, ConnectionResetError)):
            for number in range(1001):
                assert client.chunk() == block(number)
    with hasty.connect() as client:
        assert client.get("/raw/hello").body == b"hello"


def block(number: int) -> bytes:
    """What the application writes."""
    return b"%09d\n" % number * 1000


def test_a_client_that_takes_a_little_now_and_then(hasty: Serving) -> None:
    with hasty.connect() as client:
        client.send(get("/parts?count=400&size=100000"))
        client.head()
        for number in range(400):
            if number % 50 == 0:  # more than buffers hold: on Linux a full one shows no room
                select.select([], [], [], LIMIT / 2)  # until there is room for a good part of it
            assert len(client.chunk()) == 100_000
        assert client.chunk() == b""


def readable(client: Client, within: float) -> bool:
    return bool(select.select([client.sock], [], [], within)[0])


def test_a_slow_client_does_not_look_like_a_worker_that_hangs(place: Path) -> None:
    """In the serial model, whose only thread waits for it."""
    options = ("--timeout=1", "--send-timeout=20", "--head-timeout=20")
    with serving(Combination("serial"), place, *options) as server:
        with server.connect() as client:
            (pid, *_) = json.loads(client.get("/process").body)
        with server.connect() as client:
            client.send(get("/parts?count=200&size=50000"))
            client.head()
            select.select([], [], [], 2.5)  # seconds, more than --timeout
            for _ in range(200):
                assert len(client.chunk()) == 50_000
        with server.connect() as client:
            client.send(b"G")
            assert not readable(client, 2.5)
            assert json.loads(client.ask(get("/process")[1:]).body)[0] == pid
