"""PEP 3333: what an application is given, what it may do, and what becomes of its mistakes."""

import hashlib
import json
import socket
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.behaviour.client import Cut, get, post, post_chunked
from tests.contract.behaviour.serving import Serving


def environ_of(server: Serving, *fields: str, target: str = "/inspect") -> dict[str, Any]:
    with server.connect() as client:
        found: dict[str, Any] = json.loads(client.get(target, *fields).body)
        return found


def check_alive(server: Serving) -> None:
    with server.connect() as client:
        assert client.get("/raw/hello").body == b"hello"


# --- environ --------------------------------------------------------------------------------------


def test_the_environ(server: Serving) -> None:
    with server.connect() as client:
        request = get("/inspect/%C3%A4?a=%20b", "X-A: 1", "x-a: 2", "Cookie: c=d")
        environ = json.loads(client.ask(request.replace(b"/inspect/%C3%A4", b"/inspect")).body)
        if isinstance(server.addresses[0], tuple):
            host, port, *_ = server.addresses[0]
            expected: dict[str, object] = {
                "SERVER_NAME": host,
                "SERVER_PORT": str(port),
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_PORT": str(client.sock.getsockname()[1]),
            }
        else:
            expected = {
                "SERVER_NAME": "localhost",
                "SERVER_PORT": "80",
                "REMOTE_ADDR": "",
                "REMOTE_PORT": "",
            }
    expected |= {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/inspect",
        "QUERY_STRING": "a=%20b",
        "REQUEST_URI": "/inspect?a=%20b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "a",
        "HTTP_X_A": "1, 2",
        "HTTP_COOKIE": "c=d",
        "wsgi.url_scheme": "http",
        "wsgi.version": [1, 0],
        "wsgi.multithread": server.combination.model != "serial",
        "wsgi.multiprocess": server.combination.workers > 1,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    assert {key: environ.get(key) for key in expected} == expected
    assert environ["SERVER_SOFTWARE"].startswith("paceline/")
    assert not {"CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_PROXY"} & set(environ)


def test_each_request_has_an_environ_of_its_own(server: Serving) -> None:
    assert "HTTP_X_MINE" in environ_of(server, "X-Mine: 1", "Proxy: x")
    second = environ_of(server)
    assert not {"HTTP_X_MINE", "HTTP_PROXY"} & set(second)


# --- wsgi.input -----------------------------------------------------------------------------------

LINES = b"".join(b"line %d\n" % number for number in range(500)) + b"no end"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("how", "pieces"),
    [
        ("sized", 5),
        ("past", 2),
        ("all", 2),
        ("line", 501),
        ("short lines", None),
        ("lines", 501),
        ("some lines", None),
        ("each", 501),
    ],
)
def test_ways_to_read_a_body(server: Serving, how: str, pieces: int | None, chunked: bool) -> None:
    target = f"/digest?how={quote(how)}"
    request = post_chunked(target, LINES[:100], LINES[100:]) if chunked else post(target, LINES)
    with server.connect() as client:
        length, digest, found, behind = json.loads(client.ask(request).body)
    assert (length, digest) == (len(LINES), hashlib.sha256(LINES).hexdigest())
    assert pieces is None or found == pieces
    assert behind == ""


@pytest.mark.parametrize("how", ["sized", "line", "lines", "each", "all"])
@pytest.mark.parametrize("request_", [get("/digest?how=HOW"), post("/digest?how=HOW", b"")])
def test_a_request_without_a_body_reads_as_empty(
    server: Serving, how: str, request_: bytes
) -> None:
    with server.connect() as client:
        client.send(request_.replace(b"HOW", how.encode()) + get("/never"))
        assert json.loads(client.answer().body)[0] == 0


def test_read_without_a_size_ends_where_the_body_does(server: Serving) -> None:
    with server.connect() as client:
        client.send(post("/raw/read_all", b"body") + get("/never"))
        assert client.answer().body == b"body"


def test_a_body_that_is_not_read_is_not_the_next_request(server: Serving) -> None:
    for body in (get("/raw/hello"), b"x" * 200_000):
        with server.connect() as client:
            client.send(post("/raw/hello", body) + get("/raw/whole?size=7"))
            assert client.answer().body == b"hello"
            if server.keeps_connections:
                assert client.answer().body == b"w" * 7


# --- start_response and write ---------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/raw"])
def test_write(server: Serving, prefix: str) -> None:
    with server.connect() as client:
        assert client.get(f"{prefix}/write").body == b"one two three four"


def test_exc_info_before_the_head(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/exc_info_before")
        assert (answer.status, answer.phrase, answer.body) == (503, "Sorry", b"sorry")
        assert "x-first" not in answer.fields


def test_exc_info_behind_the_head(server: Serving) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/exc_info_after?token={token}"))
        assert client.head()[0] == 200
        assert client.chunk() == b"begun"
        with pytest.raises((Cut, ConnectionResetError)):
            client.chunk()
    server.await_event(f"closed {token}")
    assert not server.happened(f"went on {token}")
    check_alive(server)


def test_a_generator_may_start_late(server: Serving) -> None:
    with server.connect() as client:
        answer = client.get("/raw/start_late")
        assert (answer.status, answer.body) == (201, b"late")


@pytest.mark.parametrize("connection", ["close", "keep-alive", "upgrade"])
def test_hop_by_hop_fields_are_the_servers(server: Serving, connection: str) -> None:
    with server.connect() as client:
        answer = client.get(f"/hop_by_hop?connection={connection}")
        assert answer.body == b"ab"
        assert answer.fields["transfer-encoding"] == "chunked"
        assert answer.fields["x-kept"] == "1"
        assert not {"keep-alive", "upgrade"} & set(answer.fields)
        assert answer.closes == (connection == "close" or not server.keeps_connections)


# --- what an application does wrong ---------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    [
        *("no start", "no start, no body", "text", "text in parts", "none"),
        *("status", "interim", "status with a line", "value with a line", "value with LF"),
        *("value with CR", "value with NUL", "name with a line", "name with a colon"),
        *("value past latin-1", "value of bytes", "two lengths", "length of text"),
        *("the same length twice", "started twice"),
    ],
)
def test_an_answer_that_must_not_be_sent(server: Serving, what: str) -> None:
    with server.connect() as client:
        client.send(get(f"/raw/bad?what={quote(what)}") + get("/never"))
        answer = client.answer()
        assert answer.status == 500
        assert answer.closes
        assert "x-split" not in answer.fields
        assert b"Traceback" not in answer.body
        assert client.was_closed()
    check_alive(server)


def logged(server: Serving, token: str) -> int:
    """How often the failure is in the log."""
    return server.log.count(f"Intended: {token}\n")


@pytest.mark.parametrize("at", ["call", "started", "first"])
def test_an_application_that_fails_before_the_head(server: Serving, at: str) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/fail?at={at}&token={token}"))
        answer = client.answer()
        assert answer.status == 500
        assert answer.closes
        assert b"Intended" not in answer.body
        assert client.was_closed()
    assert logged(server, token) == 1, "before the answer, and once"
    check_alive(server)


@pytest.mark.parametrize("at", ["written", "later"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_an_application_that_fails_behind_the_head(server: Serving, at: str, version: str) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/fail?at={at}&token={token}", version=version) + get("/never"))
        assert client.head()[0] == 200
        if version == "1.1":
            assert client.chunk() == b"begun"
            with pytest.raises((Cut, ConnectionResetError)):
                client.chunk()
        elif server.combination.transport == "tcp":
            with pytest.raises(ConnectionResetError):
                client.rest()
        else:  # a Unix socket has no way to say that this was not all
            assert client.rest() == b"begun"
    assert logged(server, token) == 1
    check_alive(server)


def test_an_application_that_fails_to_close(server: Serving) -> None:
    token = server.token()
    with server.connect() as client:
        assert client.get(f"/fail?at=close&token={token}").body == b"begun"
        assert client.was_closed()
    assert logged(server, token) == 1
    check_alive(server)


@pytest.mark.parametrize("at", ["call", "first"])
def test_sys_exit_ends_a_request_and_not_the_server(server: Serving, at: str) -> None:
    with server.connect() as client:
        pids = {json.loads(client.get("/process").body)[0]}
    for _ in range(4):
        with server.connect() as client:
            assert client.get(f"/fail?at={at}&exit=1&token=exit").status == 500
        with server.connect() as client:
            pids.add(json.loads(client.get("/process").body)[0])
    assert len(pids) <= server.combination.workers


@pytest.mark.parametrize(("count", "body"), [(0, b""), (2, b"xx")])
def test_a_body_shorter_than_its_length(server: Serving, count: int, body: bytes) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/raw/wrong_length?length=3&count={count}&token={token}") + get("/never"))
        status, _, fields = client.head()
        assert (status, fields["content-length"]) == (200, "3")
        with pytest.raises((Cut, ConnectionResetError)):
            client.take(3)
    assert server.happened(f"closed {token}") == 1
    check_alive(server)


def test_a_body_longer_than_its_length(server: Serving) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/raw/wrong_length?length=3&count=9&token={token}") + get("/never"))
        assert client.answer().body == b"xxx"
        assert client.was_closed(), "what was too much would have been the next answer"
    assert server.happened(f"closed {token}") == 1


# --- close() --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/parts?count=3&size=3&token=",
        "/parts?count=0&size=0&token=",
        "/raw/parts?count=3&size=3&token=",
        "/bodiless?status=304%20Not%20Modified&count=3&token=",
        "/raw/bodiless?status=204%20No%20Content&count=3&token=",
        "/fail?at=first&token=",
        "/fail?at=later&token=",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once(server: Serving, target: str, method: str) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"{target}{token}", "Connection: close", method=method))
        try:
            client.rest()
        except ConnectionResetError:
            pass
    assert server.happened(f"closed {token}") == 1


@pytest.mark.parametrize("prefix", ["", "/raw"])
def test_close_is_called_when_the_client_leaves(server: Serving, prefix: str) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"{prefix}/endless?token={token}"))
        assert client.head()[0] == 200
        assert len(client.chunk()) == 10_000
        assert not server.happened(f"closed {token}")
    server.await_event(f"closed {token}")
    check_alive(server)


def test_a_client_that_has_only_ended_its_side_is_answered(server: Serving) -> None:
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/parts?count=50&size=10000&token={token}"))
        client.sock.shutdown(socket.SHUT_WR)
        assert len(client.answer().body) == 500_000
        assert client.was_closed()


# --- wsgi.file_wrapper ----------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 800  # more than a socket takes at once


@pytest.fixture
def named(server: Serving) -> str:
    (server.directory / "content").write_bytes(CONTENT)
    return "/raw/file?name=content"


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, None), (100_001, None), (len(CONTENT), None), (0, 0), (1, 1), (100_001, 50_000)],
)
@pytest.mark.parametrize("memory", ["", "&memory=1"])
def test_a_file(server: Serving, named: str, offset: int, length: int | None, memory: str) -> None:
    token = server.token()
    target = f"{named}&token={token}&offset={offset}{memory}"
    with server.connect() as client:
        answer = client.get(target if length is None else f"{target}&length={length}")
        assert answer.body == CONTENT[offset:][:length]
        if length is not None or not memory:
            assert answer.fields["content-length"] == str(len(answer.body))
        if server.keeps_connections:
            assert client.get("/raw/hello").body == b"hello"
    server.await_event(f"closed {token}")


def test_a_file_checked(server: Serving, named: str) -> None:
    with server.connect() as client:
        assert client.get(named.removeprefix("/raw")).body == CONTENT


def test_head_of_a_file(server: Serving, named: str) -> None:
    token = server.token()
    with server.connect() as client:
        answer = client.ask(get(f"{named}&token={token}", method="HEAD"), to_head=True)
        assert answer.fields["content-length"] in (None, str(len(CONTENT)))
        if server.keeps_connections:
            assert client.get("/raw/hello").body == b"hello"
    server.await_event(f"closed {token}")


def test_a_file_to_http_1_0(server: Serving, named: str) -> None:
    with server.connect() as client:
        assert client.ask(get(named, version="1.0")).body == CONTENT


def test_a_file_shorter_than_its_length(server: Serving, named: str) -> None:
    with server.connect() as client:
        client.send(get(f"{named}&length={len(CONTENT) + 1}"))
        client.head()
        with pytest.raises((Cut, ConnectionResetError)):
            client.take(len(CONTENT) + 1)


def test_a_client_that_leaves_in_the_midst_of_a_file(server: Serving) -> None:
    with (server.directory / "large").open("wb") as file:
        file.truncate(50_000_000)
    token = server.token()
    with server.connect() as client:
        client.send(get(f"/raw/file?name=large&token={token}"))
        client.head()
        client.take(10)
    server.await_event(f"closed {token}")
    check_alive(server)


def test_a_pipe(server: Serving) -> None:
    with server.connect() as client:
        assert client.get("/raw/pipe").body == b"through a pipe"
