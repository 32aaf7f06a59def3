"""nginx itself, configured from the template, in front of a server that tells what it was sent."""

import json
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.stack import proxy
from lab.stack.certificate import ensure_certificate
from lab.stack.layout import Layout
from lab.stack.ports import free_ports
from lab.words import Words

START_LIMIT = 10.0


@dataclass(frozen=True)
class Proxy:
    """An nginx that runs: where it answers, what it has logged, where its static files lie."""

    http: str
    https: str
    certificate: Path
    static: Path
    log: Path
    collector: Path
    """Where it sends what it says of each request, if somebody listens."""

    def access_log(self, request_id: str) -> dict[str, Any]:
        """The line of one request; waits for it, since nginx writes it after the answer."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            for line in self.log.read_text().splitlines():
                if line.startswith("{") and json.loads(line)["request_id"] == request_id:
                    return json.loads(line)
            time.sleep(0.01)
        raise AssertionError(f"no line for {request_id} in\n{self.log.read_text()}")

    def connect(self) -> socket.socket:
        """A connection to it."""
        port = int(self.http.rpartition(":")[2])
        return socket.create_connection(("localhost", port), START_LIMIT)

    def raw(self, request: bytes) -> bytes:
        """The answer to bytes that no library would send, up to the end of the connection."""
        with self.connect() as client:
            client.sendall(request)
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


class Collector:
    """Takes what nginx says of each request, at once as the console does: few lines can wait."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> "Collector":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self._path))
        self._thread.join()
        self._path.unlink()
        self._socket.close()

    def _take(self) -> None:
        while datagram := self._socket.recv(1 << 20):
            self._came.put(datagram)

    def line(self, seconds: float = START_LIMIT, **of: str) -> dict[str, str]:
        """The next line that has these values; waits for it.  Raises queue.Empty past its time."""
        while True:
            head, begins, rest = self._came.get(timeout=seconds).partition(b" nginx: {")
            assert begins, head
            # What a client sends past ASCII is in it as it came, be it UTF-8 or not.
            said: dict[str, str] = json.loads("{" + rest.decode(errors="surrogateescape"))
            if of.items() <= said.items():
                return said


@dataclass
class Upstream:
    """The server behind: the requests that reached it, and what its next answers add."""

    bind: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    status: int = 200


@dataclass(frozen=True)
class Setup:
    """One layout of a stack with its configuration written."""

    words: Words
    layout: Layout
    certificate: Path
    configuration: Path

    @classmethod
    def make(cls, var: Path, bind: str, **words_given: str) -> "Setup":
        ports = dict(zip(("HTTP_PORT", "HTTPS_PORT"), map(str, free_ports(2)), strict=True))
        words = Words.read({**ports, **words_given})
        layout = Layout(var)
        layout.make()
        tls = ensure_certificate(layout.tls)
        configuration = proxy.write_configuration(words, layout, bind, tls)
        return cls(words, layout, tls[0], configuration)

    @property
    def command(self) -> list[str]:
        return proxy.command(self.configuration, self.layout)


@contextmanager
def running(var: Path, bind: str, **words: str) -> Iterator[Proxy]:
    """Runs nginx in front of ``bind``; blocks until it answers, and at the end until it is gone."""
    setup = Setup.make(var, bind, **words)
    log = setup.layout.log / "proxy.log"
    with log.open("ab") as output:  # appending, because nginx opens it a second time
        process = subprocess.Popen(setup.command, stdout=output, stderr=output)
    try:
        await_port(setup.words.http_port, process, log)
        yield Proxy(
            f"http://localhost:{setup.words.http_port}",
            f"https://localhost:{setup.words.https_port}",
            setup.certificate,
            setup.layout.static,
            log,
            setup.layout.telemetry / "nginx.sock",
        )
    finally:
        process.terminate()
        process.wait(START_LIMIT)


def await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    process.kill()
    raise AssertionError(f"nginx did not start:\n{log.read_text()}")


@contextmanager
def telling_server() -> Iterator[Upstream]:
    """A server that keeps connections open and answers with what it was sent, as JSON."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            told = {
                "line": self.requestline,
                "fields": dict(self.headers.items()),
                "body": self.rfile.read(length).decode(),
                "connection": self.client_address[1],
            }
            upstream.requests.append(told)
            body = json.dumps(told).encode() if upstream.body is None else upstream.body
            self.send_response(upstream.status)
            for name, value in {"Content-Type": "application/json", **upstream.fields}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    upstream = Upstream(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Upstream]]:
    with (
        telling_server() as upstream,
        running(tmp_path_factory.mktemp("stack"), upstream.bind) as proxy,
    ):
        yield proxy, upstream


@pytest.fixture
def nginx(stack: tuple[Proxy, Upstream]) -> Proxy:
    return stack[0]


@pytest.fixture
def upstream(stack: tuple[Proxy, Upstream]) -> Iterator[Upstream]:
    upstream = stack[1]
    yield upstream
    upstream.requests.clear()
    upstream.fields.clear()
    upstream.body, upstream.status = None, 200


@pytest.fixture
def get(nginx: Proxy, upstream: Upstream) -> Callable[..., requests.Response]:
    """Asks the proxy for a path, each time on a new connection."""

    def ask(path: str = "/", **options: Any) -> requests.Response:
        return requests.get(nginx.http + path, timeout=START_LIMIT, **options)

    return ask
