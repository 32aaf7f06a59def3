"""A collector that counts and throws away, so that it takes nothing from those who are measured."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

DROPPED = re.compile(rb'"dropped":(\d+)')


@dataclass
class Sink:
    """What has come so far: recordings, and how many of them the senders had no room for."""

    recordings: int = 0
    dropped: int = 0

    def take(self, body: bytes) -> None:
        """Counts a batch (lab/tracing/packing.py): each recording has one span of this name."""
        self.recordings += body.count(b'"WSGI ')
        found = DROPPED.search(body[:200])
        self.dropped += int(found[1]) if found else 0


@contextmanager
def sink(telemetry: Path) -> Iterator[Sink]:
    """One that listens in a telemetry folder, in threads of this process."""
    taken = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            taken.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: Any) -> None:
            pass

    with socketserver.ThreadingUnixStreamServer(str(telemetry / "otlp.sock"), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield taken
        finally:
            server.shutdown()
            thread.join()
