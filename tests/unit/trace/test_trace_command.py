"""`lab trace` against real servers, one of which tells a real console what it did."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab import typed
from lab.cli import main
from lab.stack.certificate import ensure_certificate
from lab.stack.ports import free_ports
from lab.tracing.context import TraceContext, new_id
from lab.tracing.head import field
from lab.tracing.names import HOP, Hop
from lab.tracing.span import Span, decode
from tests.unit.console.running import Console
from tests.unit.tracing.peers import listening, over_tls, read_head, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_VAR", str(tmp_path))
    monkeypatch.setattr("lab.trace.console.PATIENCE", 0.5)
    for word, port in zip(("HTTP_PORT", "HTTPS_PORT", "CONSOLE_PORT"), free_ports(3), strict=True):
        monkeypatch.setenv(word, str(port))


def lab(*arguments: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["trace", *arguments], input=data)


@contextmanager
def traced(console: Console, *hops: Hop, answer: bytes = OK) -> Iterator[tuple[str, list[bytes]]]:
    """A server that says that it is traced, and tells what these hops did; gives its URL."""
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        seen.append(read_head(connection))
        asked = TraceContext.parse(field(seen[-1], "traceparent"))
        context = asked or TraceContext.new()
        timing = f'trace;desc="00-{context.trace_id}-{new_id(8)}-03", upstream;dur=1'
        head = f"HTTP/1.1 200 OK\r\nServer-Timing: {timing}\r\n"
        connection.sendall(answer.replace(b"HTTP/1.1 200 OK\r\n", head.encode()))
        for hop in hops:
            told(console, context, hop, asked is not None)

    with listening(talk) as (host, port):
        yield f"http://{host}:{port}", seen


def told(console: Console, context: TraceContext, hop: Hop, has_parent: bool) -> None:
    parent = context.span_id if has_parent else ""
    now = time.time_ns()
    console.send(Span(context.trace_id, new_id(8), parent, "GET /", now, now + 1, {HOP: str(hop)}))


def test_a_request_of_which_all_tell(console: Console):
    with traced(console, Hop.PROXY, Hop.SERVER) as (url, seen):
        done = lab(url + "/x", "--console", console.url + "/")
    assert (done.exit_code, done.stderr) == (0, "")
    assert {"client", "proxy", "server"} <= {line.split(" ")[0] for line in done.stdout.split("\n")}
    context = TraceContext.parse(field(seen[0], "traceparent"))
    assert context and f"trace {context.trace_id}" in done.stdout
    names = {stored["name"] for stored in console.spans(context.trace_id)}
    assert names >= {"GET", "GET /", "connect", "send", "wait", "receive"}


def test_json(console: Console):
    with traced(console, Hop.PROXY, Hop.APPLICATION) as (url, _):
        done = lab(url, "--json", "--console", console.url)
    spans = list(decode(json.loads(done.stdout)))
    assert {each.hop for each in spans} == {"client", "proxy", "application"}
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_hop_that_tells_nothing(console: Console):
    with traced(console, Hop.PROXY) as (url, _):
        done = lab(url, "--console", console.url)
    assert done.exit_code == 3
    assert done.stderr == "lab: nothing came from the server within 3 s\n"


def test_without_a_console(console: Console):
    with serving(OK) as nobody:
        pass
    with traced(console) as (url, _):
        done = lab(url, "--console", nobody)
    assert done.exit_code == 3
    assert done.stderr == f"lab: no console answers at {nobody}: Connection refused\n"
    assert "200 OK, 2 bytes of body" in done.stdout


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "is no console: it answered 403 No"),
        (OK, "gave no trace: "),
    ],
)
def test_what_is_no_console(console: Console, answer: bytes, says: str):
    with serving(answer) as other, traced(console) as (url, _):
        done = lab(url, "--console", other)
    assert (done.exit_code, f"{other} {says}" in done.stderr) == (3, True)


def test_an_address_that_is_none_of_a_console(console: Console):
    with traced(console) as (url, _):
        done = lab(url, "--console", "localhost:8081")
    assert done.exit_code == 3
    assert "'localhost:8081/v1/traces' is no URL of http:// or https://" in done.stderr


@pytest.mark.parametrize("url", ["http://localhost:99999/", "http://[::1/", "ftp://localhost/"])
def test_what_is_no_url_is_named(url: str):
    done = lab(url)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"lab: '{url}' is no URL")


def test_where_it_is_no_stack_that_is_asked_none_is_to_be_started():
    (port,) = free_ports(1)
    done = lab(f"http://localhost:{port}/")
    assert done.exit_code == 1
    assert done.stderr == f"lab: nobody listens at http://localhost:{port}/: Connection refused\n"


def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PORT", "many")
    done = lab("/")
    assert done.exit_code == 2
    assert done.stderr == "lab: HTTP_PORT=many: must be a port, 1 to 65535\n"


def test_the_server_timing_of_somebody_else(console: Console):
    timing = f'Server-Timing: trace;desc="{TraceContext.new()}", upstream;dur=1\r\n'
    with serving(OK.replace(b"Content", timing.encode() + b"Content")) as url:
        done = lab(url, "--console", console.url)
    assert (done.exit_code, done.stderr) == (0, "lab: nobody behind the client told more\n")


def test_a_url_of_anybody(console: Console):
    with serving(OK) as url:
        done = lab(url, "--console", console.url)
        alone = lab(url)
    assert (done.exit_code, alone.exit_code) == (0, 0)
    assert done.stderr == alone.stderr == "lab: nobody behind the client told more\n"


def test_nobody_listens():
    done = lab("/inspect/")
    assert done.exit_code == 1
    assert "Connection refused" in done.stderr
    assert typed.how_to_start() in done.stderr
    missing = lab("/", "--unix-socket", "/no/such/socket")
    assert (missing.exit_code, "/no/such/socket" in missing.stderr) == (1, True)


def test_a_path_without_its_slash_is_no_host(monkeypatch: pytest.MonkeyPatch):
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    says = "lab: no host is named inspect; a path of the stack begins with a slash: /inspect\n"
    assert lab("inspect/").stderr == says
    assert "slash" not in lab("http://inspect.example/").stderr


def test_no_answer_shows_how_far_it_came():
    with serving(b"") as url:
        done = lab(url)
    assert done.exit_code == 1
    assert "! the connection was closed without an answer" in done.stdout
    assert "no answer: the connection was closed without an answer" in done.stdout


def test_an_answer_that_breaks_off():
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi") as url:
        done = lab(url)
    assert done.exit_code == 1
    assert "200 OK, 2 bytes of body, broken off: " in done.stdout


def test_fail():
    with serving(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as url:
        assert (lab(url).exit_code, lab(url, "--fail").exit_code) == (0, 22)


def test_redirects_are_told_and_not_followed():
    answer = b"HTTP/1.1 302 Found\r\nLocation: /a?token=b\r\nContent-Length: 0\r\n\r\n"
    with serving(answer) as url:
        assert "302 Found, 0 bytes of body, to /a?token=***" in lab(url).stdout


def test_the_options_of_curl(tmp_path: Path):
    seen: list[bytes] = []
    file = tmp_path / "body"
    file.write_bytes(b"c=\r\nd")
    with serving(OK, seen=seen) as url:
        lab(url, "-H", "A:  b ", "-H", "Accept:", "-H", "Empty;", "-X", "PUT")
        lab(url, "-d", "a=b", "-d", f"@{file}", "-d", "@-", data=b"e=\xff\n")
        lab(url, "-d", "{}", "-H", "content-type: application/json", "-X", "PATCH")
    assert seen[0].startswith(b"PUT / HTTP/1.1\r\n")
    assert b"\r\nA: b\r\nEmpty: \r\n" in seen[0] and b"Accept" not in seen[0]
    assert seen[1].startswith(b"POST / HTTP/1.1\r\n")
    assert seen[1].endswith(b"\r\n\r\na=b&c=d&e=\xff")
    assert b"\r\nContent-Type: application/x-www-form-urlencoded\r\n" in seen[1]
    assert seen[2].startswith(b"PATCH / ") and b"x-www-form" not in seen[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ftp://localhost/"],
        ["http://localhost/", "-H", "no colon"],
        ["http://localhost/", "-H", "A: b\nC: d"],
        ["http://localhost/", "-d", "@/no/such/file"],
        ["http://localhost/", "--repeat", "0"],
        ["http://localhost/", "--repeat", "2", "-H", "traceparent: x"],
    ],
)
def test_what_cannot_be_followed(arguments: list[str]):
    done = lab(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr


def test_repeat(console: Console):
    with traced(console, Hop.PROXY, Hop.SERVER) as (url, seen):
        done = lab(url, "--repeat", "3", "--console", console.url)
    assert (done.exit_code, len(seen)) == (0, 3)
    assert len({field(head, "traceparent") for head in seen}) == 3
    assert done.stdout.startswith("3 requests, median ")
    assert " of 3" not in done.stdout


def test_a_malformed_traceparent(console: Console):
    with traced(console, Hop.PROXY, Hop.SERVER) as (url, _):
        done = lab(url, "-H", "traceparent: 00-x", "--console", console.url)
    assert done.exit_code == 0
    assert done.stderr.endswith("is not valid: the proxy began another trace\n")
    assert "proxy" in done.stdout


def test_what_is_not_sampled_is_told_to_nobody(console: Console):
    before = console.counts()["written"]
    traceparent = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00"
    with serving(OK) as url:
        lab(url, "-H", f"traceparent: {traceparent}", "--console", console.url)
    assert console.counts()["written"] == before


def test_bytes_and_differences_and_a_setting_that_keeps_bytes_back(
    console: Console, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LAB_TRACE_BYTES", "off")
    with traced(console, Hop.PROXY, Hop.SERVER) as (url, seen):
        done = lab(url + "/?token=abc", "--bytes", "--diff", "--console", console.url)
    assert "── the client sent\n  GET /?token=*** HTTP/1.1\n" in done.stdout
    assert "── request: client → server\n  the server told no bytes\n" in done.stdout
    context = TraceContext.parse(field(seen[0], "traceparent"))
    assert context and "wsgilab.request.head" not in json.dumps(console.spans(context.trace_id))


def test_certificates(tmp_path: Path):
    certificate, key = ensure_certificate(tmp_path)

    def talk(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(OK)

    with listening(over_tls(talk, certificate, key)) as (_, port):
        url = f"https://localhost:{port}/"
        assert lab(url, "-k").exit_code == lab(url, "--cacert", str(certificate)).exit_code == 0
        stranger = lab(url)
    assert stranger.exit_code == 1
    assert "no answer: the certificate is not trusted: self-signed certificate" in stranger.stdout


def test_an_output_that_knows_no_unicode(console: Console):
    with serving(OK) as url:
        done = CliRunner(charset="ascii").invoke(main, ["trace", url, "--bytes"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "#" in done.stdout and "?? the client sent" in done.stdout
