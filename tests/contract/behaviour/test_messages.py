"""Requests and answers on a connection: kept, closed, in a row, without bodies, interim."""

import email.utils
import time

import pytest

from tests.contract.behaviour.client import Client, get, post, post_chunked
from tests.contract.behaviour.serving import COMBINATIONS, Serving

CONTINUE = "Expect: 100-continue"


def closes(server: Serving) -> bool:
    """Whether an answer that need not close the connection does."""
    return not server.keeps_connections


def check_open(server: Serving, client: Client) -> None:
    """The connection is as good as new; or closed, where the model closes each."""
    if server.keeps_connections:
        assert client.get("/raw/whole?size=3").body == b"www"
    else:
        assert client.was_closed()


def test_a_request(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/raw/hello")
        assert (answer.status, answer.phrase, answer.body) == (200, "OK", b"hello")
        assert answer.fields["content-length"] == "5"
        assert answer.fields["content-type"] == "text/plain"
        assert answer.fields["server"] == "paceline"
        sent = email.utils.parsedate_to_datetime(answer.fields["date"]).timestamp()
        assert abs(sent - time.time()) < 5
        assert answer.closes == closes(server)
        check_open(server, client)


def test_a_connection_is_kept(server: Serving) -> None:
    with server.connect() as client:
        for number in range(20):
            body = b"body %d" % number
            for request in (post("/echo", body), post_chunked("/echo", body[:3], body[3:])):
                answer = client.ask(request)
                assert answer.body == body
                assert answer.closes == closes(server)
                if closes(server):
                    assert client.was_closed()
                    return


@pytest.mark.parametrize(
    "server", [each for each in COMBINATIONS if each.model != "serial"], indirect=True, ids=str
)
def test_connections_side_by_side(server: Serving) -> None:
    """Each gets its own answers, whatever the order in which they ask."""
    clients = [server.connect() for _ in range(8)]
    for turn in range(3):
        for number, client in enumerate(clients):
            client.send(post("/echo", b"%d-%d" % (turn, number)))
        for number, client in reversed(list(enumerate(clients))):
            assert client.answer().body == b"%d-%d" % (turn, number)
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("version", "fields"),
    [("1.1", ["Connection: close"]), ("1.0", []), ("1.0", ["Connection: close"])],
)
@pytest.mark.parametrize(
    "target", ["/raw/hello", "/parts?count=3&size=2", "/bodiless?status=204 No"]
)
def test_a_client_that_wants_it_closed(
    server: Serving, version: str, fields: list[str], target: str
) -> None:
    with server.connect() as client:
        answer = client.ask(get(target, *fields, version=version))
        assert answer.closes
        assert client.was_closed()


def test_http_1_0_that_wants_it_kept(server: Serving) -> None:
    with server.connect() as client:
        request = get("/raw/hello", "Connection: keep-alive", version="1.0")
        answer = client.ask(request)
        expected = "keep-alive" if server.keeps_connections else "close"
        assert answer.fields["connection"] == expected
        check_open(server, client)


def test_http_1_0_without_a_length_ends_with_the_connection(server: Serving) -> None:
    with server.connect() as client:
        answer = client.ask(get("/parts?count=3&size=2", "Connection: keep-alive", version="1.0"))
        assert answer.body == b"AABBCC"
        assert answer.closes
        assert "transfer-encoding" not in answer.fields


def test_parts_come_in_chunks(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/parts?count=3&size=2")
        assert answer.fields["transfer-encoding"] == "chunked"
        assert answer.body == b"AABBCC"
        check_open(server, client)


def test_parts_with_a_length(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/parts?count=3&size=2&length=6")
        assert answer.fields["content-length"] == "6"
        assert answer.body == b"AABBCC"
        check_open(server, client)


@pytest.mark.parametrize("target", ["/parts?count=0&size=0", "/raw/whole?size=0"])
def test_an_empty_body(server: Serving, target: str) -> None:
    with server.connect() as client:
        answer = client.get(target)
        assert (answer.fields["content-length"], answer.body) == ("0", b"")
        check_open(server, client)


@pytest.mark.parametrize(
    "target", ["/raw/hello", "/parts?count=3&size=2", "/parts?count=3&size=2&length=6", "/write"]
)
def test_head(server: Serving, target: str) -> None:
    with server.connect() as client:
        answer = client.ask(get(target, method="HEAD"), to_head=True)
        assert answer.status == 200
        assert "transfer-encoding" not in answer.fields
        if "length" in target:
            assert answer.fields["content-length"] == "6"
        check_open(server, client)


@pytest.mark.parametrize("status", ["204%20No%20Content", "304%20Not%20Modified"])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("prefix", ["", "/raw"])
def test_statuses_without_a_body(server: Serving, status: str, count: int, prefix: str) -> None:
    with server.connect() as client:
        answer = client.get(f"{prefix}/bodiless?status={status}&count={count}")
        assert str(answer.status) == status[:3]
        assert answer.fields["etag"] == '"1"'
        assert not {"content-length", "transfer-encoding"} & set(answer.fields)
        check_open(server, client)


def test_205_has_an_empty_body(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/raw/bodiless?status=205%20Reset%20Content&count=3")
        assert (answer.status, answer.fields["content-length"], answer.body) == (205, "0", b"")
        check_open(server, client)


def test_answers_come_in_the_order_of_requests(server: Serving) -> None:
    requests = [
        *(get(f"/raw/whole?size={size}") for size in (1, 100_000, 0)),
        post("/echo", b"body"),
        get("/raw/hello", method="HEAD"),
        post_chunked("/echo", b"in ", b"chunks"),
        get("/parts?count=5&size=1"),
        get("/bodiless?status=204%20No"),
        get("/raw/fail?at=call&token=order"),
        get("/never"),
    ]
    with server.connect() as client:
        client.send(b"".join(requests))
        bodies = [client.answer().body]
        if server.keeps_connections:
            bodies += [client.answer(to_head=number == 4).body for number in range(1, 8)]
            assert bodies == [b"w", b"w" * 100_000, b"", b"body", b"", b"in chunks", b"ABCDE", b""]
            assert client.answer().status == 500
        assert client.was_closed(), "more than what was asked for"


def test_many_requests_in_a_row(server: Serving) -> None:
    with server.connect() as client:
        client.send(b"".join(get(f"/raw/whole?size={size}") for size in range(300)))
        for size in range(300):
            assert len(client.answer().body) == size
            if not server.keeps_connections:
                break


# --- interim answers ------------------------------------------------------------------------------


def test_a_client_that_waits_for_100(server: Serving) -> None:
    with server.connect() as client:
        client.send(get("/echo", CONTINUE, "Content-Length: 4", method="POST"))
        assert client.head() == (100, "Continue", {})
        assert client.ask(b"body").body == b"body"
        check_open(server, client)


def test_a_client_that_waits_for_100_and_sends_chunks(server: Serving) -> None:
    with server.connect() as client:
        client.send(get("/echo", CONTINUE, "Transfer-Encoding: chunked", method="POST"))
        assert client.head() == (100, "Continue", {})
        assert client.ask(b"4\r\nbody\r\n0\r\n\r\n").body == b"body"
        check_open(server, client)


def test_a_client_that_does_not_wait(server: Serving) -> None:
    """Whether it is told to go on is the server's choice; the answer is the same."""
    with server.connect() as client:
        answer = client.ask(post("/echo", b"body", CONTINUE))
        assert answer.body == b"body"
        assert answer.interim in ((), (100,))
        check_open(server, client)


def test_a_client_that_waits_with_nothing_to_send(server: Serving) -> None:
    with server.connect() as client:
        assert client.get("/raw/hello", CONTINUE).interim == ()
        check_open(server, client)


def test_http_1_0_knows_no_interim_answers(server: Serving) -> None:
    with server.connect() as client:
        request = get("/echo", CONTINUE, "Content-Length: 4", method="POST", version="1.0")
        answer = client.ask(request + b"body")
        assert (answer.body, answer.interim) == (b"body", ())


def test_another_expectation(server: Serving) -> None:
    with server.connect() as client:
        answer = client.ask(get("/echo", "Expect: more", "Content-Length: 4", method="POST"))
        assert (answer.status, answer.interim) == (417, ())
        assert answer.closes
        assert client.was_closed()


def test_a_body_that_is_too_large_is_not_asked_for(tight_server: Serving) -> None:
    with tight_server.connect() as client:
        answer = client.ask(get("/echo", CONTINUE, "Content-Length: 1001", method="POST"))
        assert (answer.status, answer.interim) == (413, ())
        assert answer.closes
        assert client.was_closed()


# --- when a part is sent --------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["yield_then_wait", "write_then_wait"])
def test_what_the_application_gives_is_not_kept_back(server: Serving, view: str) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/{view}?token={token}"))
        client.head()
        assert client.chunk() == b"at once"
        server.open_gate(token)
        if view == "yield_then_wait":
            assert client.chunk() == b" and later"
        assert client.chunk() == b""
        check_open(server, client)
