"""How large a request may be, in each model; each limit reached, and passed."""

import pytest

from tests.contract.behaviour.client import get, post, post_chunked
from tests.contract.behaviour.serving import Serving

# What conftest.TIGHT says.
LINE, FIELDS, FIELD, BODY = 200, 10, 100, 1000


def target(length: int) -> str:
    """A target with which the request line is so long."""
    return "/raw/hello?" + "a" * (length - len("GET /raw/hello? HTTP/1.1"))


REACHED = {
    "line": get(target(LINE)),
    "fields": get("/raw/hello", *["X: 1"] * (FIELDS - 1)),
    "field": get("/raw/hello", "X: " + "a" * (FIELD - 3)),
    "body": post("/echo", b"x" * BODY),
    "chunks": post_chunked("/echo", b"x" * 999, b"x"),
}
PASSED = {
    "line": (414, get(target(LINE + 1))),
    "endless line": (414, b"GET /" + b"a" * 10_000),
    "fields": (431, get("/raw/hello", *["X: 1"] * FIELDS)),
    "field": (431, get("/raw/hello", "X: " + "a" * (FIELD - 2))),
    "endless head": (431, get("/raw/hello")[:-2] + b"X: " + b"a" * 100_000),
    "body": (413, post("/echo", b"x" * (BODY + 1))),
    "chunks": (413, post_chunked("/echo", b"x" * 999, b"xx")),
    "length alone": (413, get("/echo", "Content-Length: 999999999999", method="POST")),
    "chunk's size alone": (
        413,
        get("/echo", "Transfer-Encoding: chunked", method="POST") + b"fffffff\r\n",
    ),
}


@pytest.mark.parametrize("request_", REACHED.values(), ids=REACHED)
def test_a_limit_reached(tight_server: Serving, request_: bytes) -> None:
    with tight_server.connect() as client:
        assert client.ask(request_).status == 200


@pytest.mark.parametrize(("status", "request_"), PASSED.values(), ids=PASSED)
def test_a_limit_passed(tight_server: Serving, status: int, request_: bytes) -> None:
    with tight_server.connect() as client:
        answer = client.ask(request_)
        assert answer.status == status
        assert answer.closes
        assert client.was_closed()
    with tight_server.connect() as client:
        assert client.get("/raw/hello").body == b"hello"


def test_a_client_that_goes_on_sending_is_told_all_the_same(tight_server: Serving) -> None:
    """A reset would take the answer away before it was read (RFC 9112, 9.6)."""
    with tight_server.connect() as client:
        client.send(get("/echo", "Content-Length: 5000000", method="POST"))
        for _ in range(50):
            client.send(b"x" * 100_000)
        assert client.answer().status == 413
