"""What each server tells of a request, as a process of its own with the lab's hooks."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.tracing import names
from lab.tracing.span import Span
from tests.services.collector import Collector, collecting
from tests.services.stack import REPO, eventually

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "hunter2"
REQUEST = (
    "POST /a%20b?x=1&token=hunter2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    f"traceparent: 00-{TRACE}-{PARENT}-01\r\nCookie: session=hunter2\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\n\r\n"
    "name=Ada&password=hunter2&"
).encode()

COMMANDS = {
    "paceline": ["paceline", "--config", "python:lab.tracing.on_paceline"],
    "gunicorn": [
        *("gunicorn", "--config", "python:lab.tracing.on_gunicorn", "--no-control-socket"),
        *("--worker-class", "gthread", "--threads", "2"),
    ],
    "gunicorn without hooks": ["gunicorn", "--no-control-socket"],
}


class Serving:
    """A server that answers on a Unix socket, and the collector that it tells."""

    def __init__(self, path: Path, collector: Collector, process: subprocess.Popen[bytes]) -> None:
        self.path = path
        self.collector = collector
        self.process = process

    def ask(self, request: bytes = REQUEST) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(self.path))
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def trace(self) -> dict[str, Span]:
        """The spans of the one request that was made, by name."""
        self.collector.await_spans("WSGI tests.unit.tracing.apps")
        return {span.name: span for span in self.collector.spans}


def answers(path: Path) -> bool:
    """Whether somebody listens already; a socket is there a moment before."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@contextmanager
def serving(
    server: str, folder: Path, app: str = "application", **environ: str
) -> Iterator[Serving]:
    path = folder / "s"
    command = [str(Path(sys.executable).parent / COMMANDS[server][0]), *COMMANDS[server][1:]]
    with collecting(folder) as collector, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "lab.tracing.application:application", "--bind", f"unix:{path}"],
            cwd=REPO,
            env={
                **os.environ,
                "LAB_TELEMETRY": str(folder),
                "LAB_WSGI": f"tests.unit.tracing.apps:{app}",
                "PYTHONPATH": str(REPO),
                **environ,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: answers(path) or process.poll() is not None)
            yield Serving(path, collector, process)
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(params=list(COMMANDS))
def any_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serving]:
    with serving(request.param, tmp_path) as one:
        yield one


@pytest.fixture
def paceline(tmp_path: Path) -> Iterator[Serving]:
    with serving("paceline", tmp_path) as one:
        yield one


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Serving]:
    with serving("gunicorn", tmp_path) as one:
        yield one


def test_every_server_goes_on_with_the_trace(any_server: Serving):
    answer = any_server.ask()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"app;dur=" in answer
    trace = any_server.trace()
    whole = trace["POST /a b"]
    assert {span.trace_id for span in trace.values()} == {TRACE}
    assert whole.parent_id == PARENT
    assert trace["application"].parent_id == whole.span_id
    assert trace["WSGI tests.unit.tracing.apps"].parent_id == trace["application"].span_id
    assert whole.attributes["http.request.method"] == "POST"
    assert whole.attributes["http.response.status_code"] == 200
    assert whole.start <= trace["application"].start <= trace["application"].end <= whole.end


def test_no_secret_leaves_the_process(any_server: Serving):
    any_server.ask()
    any_server.trace()
    assert SECRET.encode() not in b"".join(any_server.collector.bodies)


def test_each_server_is_named(any_server: Serving, request: pytest.FixtureRequest):
    any_server.ask()
    whole = any_server.trace()["POST /a b"]
    assert str(whole.attributes[names.SOFTWARE]).startswith(str(whole.resource["service.name"]))


class TestPaceline:
    def test_it_tells_all_there_is(self, paceline: Serving):
        paceline.ask()
        trace = paceline.trace()
        whole = trace["POST /a b"]
        assert list(trace) == [
            "POST /a b",
            "queue",
            "receive",
            "application",
            "WSGI tests.unit.tracing.apps",
        ]
        assert [event.name for event in whole.events] == [
            "connection accepted",
            "head read",
            "body read",
            "application called",
            "start_response",
            "first byte",
            "last byte",
            "connection closed",
        ]
        assert whole.attributes[names.MODEL] == "adaptive"
        assert whole.attributes["thread.name"] == "rider-1"
        assert whole.attributes[names.CONNECTION_REQUESTS] == 1
        assert whole.attributes[names.THREADS_BUSY] == 1
        assert 0 < float(str(whole.attributes[names.CPU_TIME])) < 10
        assert names.UNKNOWN not in whole.attributes

    def test_it_shows_the_bytes_that_came_and_went(self, paceline: Serving):
        answer = paceline.ask()
        said = paceline.trace()["POST /a b"].attributes
        head = str(said[names.REQUEST_HEAD])
        assert head.startswith("POST /a%20b?x=1&token=")
        assert "Host: localhost\r\nConnection: close\r\n" in head
        assert str(said[names.REQUEST_BODY]).startswith("name=Ada&password=")
        answer_head = answer.partition(b"\r\n\r\n")[0].decode()
        assert said[names.RESPONSE_HEAD] == answer_head
        assert said[names.RESPONSE_BODY] == "hello"
        assert '"HTTP_HOST": "localhost"' in str(said[names.ENVIRON])

    def test_an_application_that_fails_is_told(self, tmp_path: Path):
        with serving("paceline", tmp_path, "fails") as one:
            assert one.ask().startswith(b"HTTP/1.1 500 ")
            trace = one.trace()
        assert trace["POST /a b"].error == "LookupError"
        assert trace["POST /a b"].attributes["error.type"] == "LookupError"
        assert trace["WSGI tests.unit.tracing.apps"].error == "LookupError"

    def test_with_bytes_off_there_are_none(self, tmp_path: Path):
        with serving("paceline", tmp_path, LAB_TRACE_BYTES="off") as one:
            one.ask()
            said = one.trace()["POST /a b"].attributes
        assert not {names.REQUEST_HEAD, names.RESPONSE_HEAD, names.ENVIRON} & set(said)

    def test_sampled_follows_the_client(self, tmp_path: Path):
        with serving("paceline", tmp_path, LAB_TRACE="sampled") as one:
            not_sampled = one.ask(REQUEST.replace(b"-01\r\n", b"-00\r\n"))
            sampled = one.ask()
            one.trace()
            wholes = [span for span in one.collector.spans if span.name.startswith("WSGI")]
        assert b"Server-Timing" not in not_sampled
        assert b"Server-Timing" in sampled
        assert len(wholes) == 1

    def test_a_reload_loses_no_trace(self, paceline: Serving):
        for number in range(30):
            if number == 10:
                paceline.process.send_signal(signal.SIGHUP)
            paceline.ask()
        assert len(paceline.collector.await_spans("WSGI tests.unit.tracing.apps", 30)) == 30


class TestGunicorn:
    def test_it_says_what_it_cannot_tell(self, gunicorn: Serving):
        gunicorn.ask()
        whole = gunicorn.trace()["POST /a b"]
        assert whole.attributes[names.MODEL] == "gthread"
        assert any("accepted" in text for text in whole.attributes[names.UNKNOWN])  # type: ignore[union-attr]
        assert str(whole.attributes[names.REQUEST_HEAD]).startswith("POST /a%20b?x=1&token=")
        assert "Host: localhost" in str(whole.attributes[names.REQUEST_HEAD])
        assert str(whole.attributes[names.RESPONSE_HEAD]).startswith("HTTP/1.1 200 OK\r\n")
        assert float(str(whole.attributes[names.CPU_TIME])) > 0

    def test_an_application_that_fails_is_told(self, tmp_path: Path):
        with serving("gunicorn", tmp_path, "fails") as one:
            assert one.ask().startswith(b"HTTP/1.1 500 ")
            assert one.trace()["POST /a b"].error == "LookupError"
