"""What the access log says of each request, in each model."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.behaviour.client import get, post
from tests.contract.behaviour.serving import (
    NOT_SERIAL,
    OF_EACH_MODEL,
    Combination,
    Serving,
    eventually,
    serving,
)

LINE = re.compile(r"(\S+) (\S+) (\S+) (\d+) (\d+|-) (\d+) (.*)")


@dataclass(frozen=True)
class Entry:
    method: str
    path: str
    peer: str
    status: int
    body: int
    microseconds: int
    request_line: str


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def logging(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    place = tmp_path_factory.mktemp("s")
    options = (
        f"--access-logfile={place / 'access'}",
        "--access-logformat=%(m)s %(U)s %(h)s %(s)s %(B)s %(D)s %(r)s",
        "--head-timeout=0.5",
    )
    with serving(request.param, place, *options) as server:
        yield server


def entries(server: Serving, path: str) -> list[Entry]:
    """Those of one path."""
    found = []
    for line in (server.directory / "access").read_text().splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        method, where, peer, status, size, passed, request_line = match.groups()
        body = 0 if size == "-" else int(size)
        entry = Entry(method, where, peer, int(status), body, int(passed), request_line)
        if where == path or path in request_line:
            found.append(entry)
    return found


def the_entry(server: Serving, path: str) -> Entry:
    eventually(lambda: entries(server, path), f"a line for {path}")
    (entry,) = entries(server, path)
    return entry


def test_a_request(logging: Serving) -> None:
    with logging.connect() as client:
        body = client.ask(post("/echo/a?b", b"body")).body
    entry = the_entry(logging, "/echo/a")
    assert (entry.method, entry.status, entry.body) == ("POST", 200, len(body))
    assert entry.request_line == "POST /echo/a?b HTTP/1.1"
    assert entry.peer == "127.0.0.1"


@pytest.mark.parametrize("chunked", [False, True])
def test_the_size_is_that_of_the_body(logging: Serving, chunked: bool) -> None:
    path = f"/parts/{chunked}"
    length = "" if chunked else "&length=500000"
    with logging.connect() as client:
        client.get(f"{path}?count=50&size=10000{length}")
    assert the_entry(logging, path).body == 500_000


def test_head_has_no_body(logging: Serving) -> None:
    with logging.connect() as client:
        client.ask(get("/hello/head", method="HEAD"), to_head=True)
    entry = the_entry(logging, "/hello/head")
    assert (entry.method, entry.body) == ("HEAD", 0)


def test_a_request_that_fails(logging: Serving) -> None:
    with logging.connect() as client:
        client.get("/raw/bad?what=text")
    assert the_entry(logging, "/raw/bad").status == 500


def test_requests_in_a_row(logging: Serving) -> None:
    with logging.connect() as client:
        number = 5 if logging.keeps_connections else 1
        client.send(get("/hello/row") * number)
        for _ in range(number):
            client.answer()
    eventually(lambda: len(entries(logging, "/hello/row")) == number, "a line for each")


@pytest.mark.parametrize(
    ("logging", "first"),
    [*((each, True) for each in OF_EACH_MODEL), *((each, False) for each in NOT_SERIAL)],
    indirect=["logging"],
    ids=str,
)
def test_the_time_that_it_took(logging: Serving, first: bool) -> None:
    """From when the request was there to when its answer was taken."""
    path, token = f"/wait/{first}", logging.token()
    with logging.connect() as client:
        if not first:
            client.get("/hello/before")
        begun = time.monotonic()
        client.send(get(f"{path}?token={token}"))
        logging.await_event(f"waiting {token}")
        entered = time.monotonic()
        while time.monotonic() - entered < 0.2:
            pass
        logging.open_gate(token)
        client.answer()
        passed = time.monotonic() - begun
    assert 0.2 <= the_entry(logging, path).microseconds / 1e6 <= passed + 0.1


def test_what_is_refused(logging: Serving) -> None:
    with logging.connect() as client:
        client.ask(get("/refused", "Bad Name: a"))
        client.was_closed()
    entry = the_entry(logging, "/refused")
    assert entry.status == 400
    assert entry.request_line == "GET /refused HTTP/1.1"
    assert entry.peer == "127.0.0.1"
    assert entry.microseconds < 1e6


def test_what_takes_too_long(logging: Serving) -> None:
    with logging.connect() as client:
        client.send(b"GET /toolong HTTP/1.1\r\n")
        assert client.answer().status == 408
    assert the_entry(logging, "/toolong").status == 408


def test_a_client_that_leaves_is_in_it_too(logging: Serving) -> None:
    token = logging.token()
    with logging.connect() as client:
        client.send(get(f"/endless/{token}?token={token}"))
        client.head()
    entry = the_entry(logging, f"/endless/{token}")
    assert entry.status == 200


@pytest.mark.parametrize("trusted", ["127.0.0.1", "192.0.2.1"])
def test_the_time_in_queues(place: Path, trusted: str) -> None:
    """Before the server by the word of a trusted proxy alone; in it, for one that had to wait."""
    options = (
        f"--access-logfile={place / 'access'}",
        "--access-logformat=%(U)s %(Q)s %(W)s %(D)s",
        f"--forwarded-allow-ips={trusted}",
        "--threads=1",
    )
    with serving(Combination("pool"), place, *options) as server:
        token = server.token()
        with server.connect() as first, server.connect() as second:
            first.send(get(f"/wait?token={token}"))
            server.await_event(f"waiting {token}")
            second.send(get("/hello", f"X-Request-Start: t={time.time() - 1:.3f}"))
            time.sleep(0.1)  # as long as it has to wait at least
            server.open_gate(token)
            assert first.answer().body == b"waited"
            assert second.answer().body == b"hello"
    lines = [line.split() for line in (place / "access").read_text().splitlines()]
    _, queue, waited, took = next(line for line in lines if line[0] == "/hello")
    assert 50_000 < int(queue) <= int(took)
    if trusted == "127.0.0.1":
        assert 1_050_000 < int(waited) < 20_000_000
    else:
        assert waited == "-"
