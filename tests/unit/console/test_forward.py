"""Passing on: everything arrives at another collector; one that is not there is in nobody's way."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lab.console import forward
from lab.console.forward import Forwarder
from tests.services.stack import eventually
from tests.unit.console.running import Console, eventually_equal
from tests.unit.console.test_nginx_log import line
from tests.unit.tracing.traces import TRACE, request


class Other(ThreadingHTTPServer):
    """Another collector; answers with the next of ``statuses``, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.names: list[str] = []
        self.paths: set[tuple[str, str]] = set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: Other

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.server.paths.add((self.path, self.headers["Content-Type"]))
        if status == 200:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.server.names += [s.name for scope in resource.scope_spans for s in scope.spans]
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[Other]:
    monkeypatch.setattr(forward, "GATHER", 0.01)
    server = Other()
    yield server
    server.shutdown()
    server.server_close()


def started(url: str) -> Forwarder:
    forwarder = Forwarder(url)
    forwarder.start()
    return forwarder


def test_all_that_comes_goes_on(other: Other, tmp_path: Path):
    with Console(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": other.url + "/"}) as console:
        console.send(*request())
        console.log(line())
        eventually(lambda: len(other.names) == len(request()) + 5)
        assert sorted(other.names)[0] == "GET"
        assert other.paths == {("/v1/traces", "application/x-protobuf")}
        eventually_equal(lambda: console.counts()["forwarded"], len(request()) + 5)


def test_one_that_is_not_there_is_in_nobodys_way(tmp_path: Path):
    with Console(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as console:
        console.send(*request())
        eventually_equal(lambda: len(console.spans(TRACE)), len(request()))
        eventually(lambda: console.said("cannot pass spans on to http://127.0.0.1:9/v1/traces"))
        assert console.close() == 0


def test_one_that_says_later_gets_them_later(other: Other, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forward, "FIRST_PAUSE", 0.01)
    other.statuses = [503, 429]
    forwarder = started(other.url)
    forwarder.put(request())
    eventually(lambda: forwarder.sent == len(request()))
    assert len(other.names) == len(request())
    assert forwarder.dropped == 0
    forwarder.close()


def test_what_is_refused_is_dropped_and_counted(other: Other):
    other.statuses = [400]
    forwarder = started(other.url)
    forwarder.put(request())
    eventually(lambda: forwarder.dropped == len(request()))
    forwarder.put(request()[:1])
    eventually(lambda: forwarder.sent == 1)
    forwarder.close()


def test_what_has_no_room_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forward, "MOST_WAITING", 10)
    forwarder = Forwarder("http://127.0.0.1:9")
    forwarder.put(request())
    forwarder.put(request())
    assert forwarder.dropped == 2 * len(request()) - 10


def test_what_is_left_is_sent_at_the_end(other: Other, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forward, "GATHER", 60)
    monkeypatch.setattr(forward, "BATCH", 5)
    forwarder = started(other.url)
    forwarder.put(request())
    forwarder.close()
    assert len(other.names) == len(request())
