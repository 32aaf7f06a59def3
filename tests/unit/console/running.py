"""A real console for tests: `python -m lab.console` on a free port, its data in a folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import requests

from lab.stack.ports import free_port
from lab.tracing.span import Span, encode
from tests.services.stack import REPO, eventually

JSON = "application/json"


class Console:
    """Started at once; ``close()`` ends it."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.telemetry = folder / "telemetry"
        self.data = folder / "data"
        self.bind = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.bind}"
        self.lines: list[str] = []
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "lab.console"],
            cwd=REPO,
            env={
                **os.environ,
                "CONSOLE_BIND": self.bind,
                "CONSOLE_DATA": str(self.data),
                "LAB_TELEMETRY": str(self.telemetry),
                "OTEL_EXPORTER_OTLP_ENDPOINT": "",
                **(environ or {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        eventually(lambda: self.said("is ready") or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.lines
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        self.lines.extend(self.popen.stdout)

    def said(self, text: str) -> int:
        """How many lines say this."""
        return sum(text in line for line in self.lines)

    def close(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, as `docker stop` and Ctrl-C do; its exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(signum)
        status = self.popen.wait(30)
        self._reader.join(5)
        return status

    def reload(self) -> None:
        """Puts a new worker in the place of the old one, and waits for that."""
        ready, done = self.said("is ready"), self.said("is done")
        self.popen.send_signal(signal.SIGHUP)
        eventually(lambda: self.said("is ready") > ready and self.said("is done") > done)

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=20, **kwargs)

    def post(
        self, body: bytes | str, content_type: str = JSON, **headers: str
    ) -> requests.Response:
        fields = {"Content-Type": content_type, **headers}
        return requests.post(f"{self.url}/v1/traces", data=body, headers=fields, timeout=20)

    def send(self, *spans: Span) -> None:
        """Posts spans, and takes no refusal."""
        assert self.post(json.dumps(encode(spans))).json() == {}

    def log(self, line: bytes) -> None:
        """A line, as nginx sends it; waits where nginx would drop it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(20)
            sender.sendto(line, str(self.telemetry / "nginx.sock"))

    def counts(self) -> dict[str, int]:
        """What became of spans so far."""
        counts: dict[str, int] = self.get("/healthz").json()["spans"]
        return counts

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """All spans of a trace, in OTLP's JSON; none where it is unknown."""
        answer = self.get(f"/traces/{trace_id}.json")
        return [
            span
            for resource in answer.json().get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def eventually_equal(look: Callable[[], object], expected: object) -> None:
    """Looks until it sees what it should, and says what it saw instead."""
    seen: list[object] = []

    def equal() -> bool:
        seen.append(look())
        return seen[-1] == expected

    try:
        eventually(equal, 20)
    except AssertionError:
        assert seen[-1] == expected
