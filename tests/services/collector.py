"""A collector that keeps what it is sent, for tests of those who send."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from lab.tracing.packing import PATH
from lab.tracing.span import Span
from lab.tracing.unpacking import unpack
from tests.services.stack import eventually


class Collector:
    """What has come, and the status that is answered."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.status = 200

    @property
    def spans(self) -> list[Span]:
        return [span for body in list(self.bodies) for span in unpack(body)]

    def await_spans(self, name: str, count: int = 1) -> list[Span]:
        """The spans of a name, once there are so many."""
        eventually(lambda: sum(span.name == name for span in self.spans) >= count)
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting(telemetry: Path) -> Iterator[Collector]:
    """A collector that listens in a telemetry folder."""
    collector = Collector()
    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if collector.status == 200 and self.path == PATH:
                collector.bodies.append(body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

        def address_string(self) -> str:
            return "unix"

    path = telemetry / "otlp.sock"
    path.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
            for connection in connections:  # else those that are kept would still be served
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            path.unlink()
