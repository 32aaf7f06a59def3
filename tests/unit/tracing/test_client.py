"""The traced client against real sockets."""

import socket
from pathlib import Path

import pytest

from lab.stack.certificate import ensure_certificate
from lab.stack.ports import free_port
from lab.tracing import names
from lab.tracing.client import Sent, send
from lab.tracing.span import CLIENT, decode, encode
from tests.unit.tracing.peers import answering, listening, over_tls, read_head, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def steps(sent: Sent) -> list[str]:
    return [span.name for span in sent.spans[1:]]


def test_a_request_and_the_spans_of_its_steps():
    seen: list[bytes] = []
    with serving(OK, seen=seen) as url:
        sent = send(url + "/a?b=c&token=x", headers=[("X-One", "1")])
    assert (sent.status, sent.reason, sent.body, sent.size) == (200, "OK", b"hello", 5)
    assert sent.error is None
    assert sent.request_head == seen[0]
    assert seen[0].startswith(b"GET /a?b=c&token=x HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-One: 1\r\n" in seen[0]
    assert f"\r\ntraceparent: {sent.context}\r\n".encode() in seen[0]
    whole, *parts = sent.spans
    assert (whole.name, whole.kind, whole.parent_id, whole.error) == ("GET", CLIENT, "", None)
    assert (whole.trace_id, whole.span_id) == (sent.context.trace_id, sent.context.span_id)
    assert whole.resource == {"service.name": "lab"}
    assert [part.name for part in parts] == ["resolve", "connect", "send", "wait", "receive"]
    moments = [moment for part in parts for moment in (part.start, part.end)]
    assert [whole.start, *moments, whole.end] == sorted([whole.start, *moments, whole.end])
    for part in parts:
        assert (part.trace_id, part.parent_id, part.hop) == (
            whole.trace_id,
            whole.span_id,
            "client",
        )
    assert len({span.span_id for span in sent.spans}) == 6
    assert encode(decode(encode(sent.spans))) == encode(sent.spans)


@pytest.mark.parametrize("name", ["gunicorn.localhost", "A.B.LOCALHOST"])
def test_every_name_below_localhost_is_this_machine(name: str):
    seen: list[bytes] = []
    with serving(OK, seen=seen) as url:
        port = int(url.rpartition(":")[2])
        sent = send(f"http://{name}:{port}/")
    assert (sent.status, sent.error) == (200, None)
    assert f"\r\nHost: {name}:{port}\r\n".encode().lower() in seen[0].lower()


def test_what_the_span_says():
    with serving(OK) as url:
        sent = send(
            url + "/?password=secret", "POST", [("Cookie", "a=secret")], b"x" * 9, capture=4
        )
    port = int(url.rpartition(":")[2])
    told = dict(sent.spans[0].attributes)
    head = told.pop(names.REQUEST_HEAD)
    assert "POST /?password=*** HTTP/1.1\r\n" in head
    assert "Cookie: a=***\r\n" in head
    assert told == {
        "wsgilab.hop": "client",
        "http.request.method": "POST",
        "url.full": url + "/?password=***",
        "server.address": "127.0.0.1",
        "server.port": port,
        "network.peer.address": "127.0.0.1",
        "network.peer.port": port,
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
        "http.request.body.size": 9,
        "http.response.body.size": 5,
        "wsgilab.request.body": "xxxx",
        "wsgilab.response.head": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "wsgilab.response.body": "hell",
    }
    assert (sent.body, sent.size) == (b"hell", 5)


def test_a_valid_traceparent_is_the_parent():
    seen: list[bytes] = []
    with serving(OK, seen=seen) as url:
        sent = send(url, headers=[("Traceparent", PARENT), ("tracestate", "a=b")])
    assert str(sent.context)[:36] == PARENT[:36]
    assert sent.spans[0].parent_id == PARENT[36:52]
    assert sent.spans[0].span_id == sent.context.span_id != PARENT[36:52]
    assert seen[0].lower().count(b"traceparent") == 1
    assert f"traceparent: {sent.context}\r\ntracestate: a=b\r\n".encode() in seen[0]


@pytest.mark.parametrize("value", ["nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", ""])
def test_a_malformed_traceparent_goes_out_as_it_is(value: str):
    seen: list[bytes] = []
    with serving(OK, seen=seen) as url:
        sent = send(url, headers=[("traceparent", value)])
    assert f"\r\ntraceparent: {value}\r\n".encode() in seen[0]
    assert str(sent.context).encode() not in seen[0]


def test_fields_of_the_caller_win_and_may_be_left_out():
    seen: list[bytes] = []
    with serving(OK, seen=seen) as url:
        send(url, headers=[("host", "example.org"), ("Accept", None), ("user-agent", "me")])
        send(url.replace("//", "//name:word@"), "POST")
    assert seen[0].startswith(b"GET / HTTP/1.1\r\ntraceparent: ")
    assert seen[0].endswith(b"\r\nhost: example.org\r\nuser-agent: me\r\n\r\n")
    assert b"\r\nAuthorization: Basic bmFtZTp3b3Jk\r\nContent-Length: 0\r\n" in seen[1]


@pytest.mark.parametrize(
    ("url", "method", "headers"),
    [
        ("ftp://localhost/", "GET", []),
        ("localhost/", "GET", []),
        ("http:///path", "GET", []),
        ("http://localhost:port/", "GET", []),
        ("http://localhost:99999/", "GET", []),
        ("http://localhost/", "G T", []),
        ("http://localhost/", "GET", [("A", "b\r\nC: d")]),
        ("http://localhost/", "GET", [("A\r\nB", "c")]),
        ("http://localhost/", "GET", [("A", "\0")]),
        ("http://localhost/", "GET", [("A", "→")]),
    ],
)
def test_what_cannot_be_sent(url: str, method: str, headers: list[tuple[str, str]]):
    with pytest.raises(ValueError):
        send(url, method, headers)


def test_odd_characters_of_a_url_do_not_end_its_target():
    seen: list[bytes] = []
    with serving(OK, seen=seen) as url:
        send(url + "/ä b%20?c= d\r\nHost: e#fragment")
    assert seen[0].startswith(b"GET /%C3%A4%20b%20?c=%20dHost:%20e HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (CHUNKED + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n", b"abcde"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it closes", b"until it closes"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab", b"ab"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nabcd", b"ab"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_ends_of_a_body(answer: bytes, body: bytes, at_once: bool):
    pieces = [answer] if at_once else [bytes([octet]) for octet in answer]
    with serving(*pieces) as url:
        sent = send(url)
    assert (sent.error, sent.body, sent.size) == (None, body, len(body))


def test_head_has_no_body():
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") as url:
        assert send(url, "HEAD").error is None


def test_answers_before_the_last():
    with serving(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", OK) as url:
        sent = send(url)
    assert sent.status == 200
    assert steps(sent)[3:] == ["wait", "receive", "wait", "receive"]
    assert sent.spans[5].attributes["http.response.status_code"] == 103


def test_a_status_of_a_failure_is_the_spans_error_and_not_the_clients():
    with serving(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as url:
        sent = send(url)
    assert (sent.error, sent.spans[0].error) == (None, "404 Not Found")
    assert sent.spans[0].attributes["error.type"] == "404"


@pytest.mark.parametrize(
    ("answer", "error", "reached"),
    [
        (b"", "the connection was closed without an answer", "wait"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no head of HTTP/1 came: b'SSH-2.0-OpenSSH_9.2", "receive"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "no head of HTTP/1 came: b'HTTP/1.1 200 OK", "receive"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "no head of HTTP/1 came", "receive"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol", "receive"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 300_000, "longer than", "receive"),
    ],
)
def test_what_is_no_answer(answer: bytes, error: str, reached: str):
    with serving(answer) as url:
        sent = send(url)
    assert sent.status is None
    assert error in str(sent.error)
    assert sent.spans[0].error == sent.error
    assert sent.spans[0].attributes["error.type"] in ("BadAnswer", "ConnectionResetError")
    assert (steps(sent)[-1], sent.spans[-1].error) == (reached, sent.error)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "6 bytes before the body's end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", "Content-Length"),
        (CHUNKED + b"3\r\nabc", "within a chunked body"),
        (CHUNKED + b"x\r\nabc", "no size of a chunk"),
        (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", "longer than it says"),
        (CHUNKED + b"0\r\n" + b"A: b\r\n" * 60_000, "trailers"),
        (CHUNKED + b"3;" + b"a" * 9000, "longer than"),
    ],
)
def test_an_answer_that_breaks_off_keeps_what_came(answer: bytes, error: str):
    with serving(answer) as url:
        sent = send(url)
    assert sent.status == 200
    assert error in str(sent.error)
    assert sent.spans[0].attributes["http.response.status_code"] == 200
    assert b"abc".startswith(sent.body[:3])


def test_nobody_listens():
    sent = send(f"http://localhost:{free_port()}/")
    assert sent.error == "Connection refused"
    assert steps(sent) == ["resolve", "connect"]
    assert sent.spans[0].attributes["error.type"] == "ConnectionRefusedError"
    assert [span.error for span in sent.spans] == ["Connection refused", None, "Connection refused"]


def test_a_name_that_is_none():
    sent = send("http://no-such-host.invalid/")
    assert steps(sent) == ["resolve"]
    assert sent.spans[0].attributes["error.type"] == "gaierror"


def test_silence_ends_with_the_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sent = send(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.2)
    assert (sent.error, steps(sent)[-1]) == ("no time was left in the step wait", "wait")
    assert 0.2 <= (sent.spans[0].end - sent.spans[0].start) / 1e9 < 5


def test_an_answer_before_the_whole_body_was_taken():
    def refuse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with listening(refuse) as (host, port):
        sent = send(f"http://{host}:{port}", "POST", body=b"x" * 1_000_000)
    assert (sent.status, sent.error) == (413, None)


@pytest.mark.parametrize("answer", [OK, b""])
def test_whoever_hangs_up_within_the_body_may_have_said_why(tmp_path: Path, answer: bytes):
    def hang_up(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(answer)

    path = str(tmp_path / "socket")
    with listening(hang_up, socket.AF_UNIX, path):
        sent = send("http://localhost/", "POST", body=b"x" * 10_000_000, connect_to=path)
    assert sent.status == (200 if answer else None)
    assert sent.spans[2].error == "Broken pipe"
    assert sent.error == (None if answer else "Broken pipe")


def test_a_unix_socket(tmp_path: Path):
    seen: list[bytes] = []
    path = str(tmp_path / "socket")
    with listening(answering(OK, seen=seen), socket.AF_UNIX, path):
        sent = send("http://example.org/x", connect_to=path)
    assert (sent.status, steps(sent)[0]) == (200, "connect")
    assert sent.spans[0].attributes["network.peer.address"] == path
    assert b"\r\nHost: example.org\r\n" in seen[0]


def test_another_address_than_the_urls():
    with listening(answering(OK)) as (host, port):
        sent = send("http://example.org/", connect_to=(host, port))
    assert sent.status == 200
    assert sent.spans[0].attributes["server.address"] == "example.org"
    assert sent.spans[0].attributes["network.peer.port"] == port


def test_tls(tmp_path: Path):
    certificate, key = ensure_certificate(tmp_path)
    with listening(over_tls(answering(OK), certificate, key)) as (_, port):
        url = f"https://localhost:{port}/"
        trusted = send(url, trust=certificate)
        insecure = send(url, insecure=True)
        stranger = send(url)
        elsewhere = ("127.0.0.1", port)
        other_name = send("https://example.org/", trust=certificate, connect_to=elsewhere)
    assert (trusted.status, trusted.error, insecure.status) == (200, None, 200)
    assert steps(trusted) == ["resolve", "connect", "tls", "send", "wait", "receive"]
    assert trusted.spans[3].attributes["tls.protocol.version"] == "1.3"
    assert stranger.error == "the certificate is not trusted: self-signed certificate"
    assert steps(stranger) == ["resolve", "connect", "tls"]
    assert stranger.spans[0].attributes["error.type"] == "SSLCertVerificationError"
    assert "example.org" in str(other_name.error)


def test_tls_where_none_is_spoken():
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK)

    with listening(answer) as (host, port):
        sent = send(f"https://{host}:{port}")
    assert str(sent.error).startswith("TLS failed: ")


def test_trust_that_is_not_there(tmp_path: Path):
    with pytest.raises(OSError):
        send("https://localhost/", trust=tmp_path / "none.pem")


def test_answers_of_1xx_without_end_are_given_up():
    with serving(b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, OK) as url:
        sent = send(url)
    assert (sent.status, sent.error) == (None, "101 answers of 1xx came, and none that counts")
    assert len(sent.spans) < 210
