"""The console as a site: who may come, what its answers let a browser do, its start and its end."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.stack import REPO
from tests.unit.console.running import Console, eventually_equal
from tests.unit.tracing.traces import TRACE, request


def test_it_says_that_it_is_well(console: Console):
    answer = console.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/traces/0.json"])
def test_every_answer_lets_a_browser_trust_nothing_but_this_site(console: Console, path: str):
    headers = console.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:8081", 200), ("[::1]", 200), ("evil.example", 400)],
)
def test_another_sites_name_cannot_be_pointed_here(console: Console, host: str, status: int):
    assert console.get("/healthz", headers={"Host": host}).status_code == status
    spans = console.post("{}", Host=host)
    assert spans.status_code == status


def test_spans_come_through_the_socket_too(console: Console):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(console.telemetry / "otlp.sock"))
        client.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 200 OK")


def test_others_may_send_but_not_read(console: Console):
    for name in ("otlp.sock", "nginx.sock"):
        mode = (console.telemetry / name).stat().st_mode
        assert mode & stat.S_IWOTH, name
    for name in ("secret_key", "traces.sqlite3"):
        assert not (console.data / name).stat().st_mode & 0o077, name


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CONSOLE_BIND": "8081"}, "CONSOLE_BIND=8081: is no address"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "jaeger:4317"},
            "OTEL_EXPORTER_OTLP_ENDPOINT=jaeger:4317:",
        ),
        ({"PROXY_URL": "http://"}, "PROXY_URL=http://:"),
        ({"CONSOLE_DATA": "/dev/null/x"}, "/dev/null/x: Not a directory"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:8081/"},
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:8081/: is this console itself",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_line(
    tmp_path: Path, environ: dict[str, str], said: str
):
    places = {"CONSOLE_DATA": str(tmp_path / "data"), "LAB_TELEMETRY": str(tmp_path / "telemetry")}
    assert refusal({**places, **environ}).startswith(f"lab: {said}")


def test_a_file_that_is_no_database_stays_and_is_named(tmp_path: Path):
    database = tmp_path / "traces.sqlite3"
    database.write_bytes(b"a text, and a long one at that" * 100)
    places = {"CONSOLE_DATA": str(tmp_path), "LAB_TELEMETRY": str(tmp_path / "telemetry")}
    said = f"lab: {database}: file is not a database; move it away, and the console makes a new one"
    assert refusal(places) == said
    assert database.read_bytes().startswith(b"a text")


def refusal(environ: dict[str, str]) -> str:
    """The one line with which the console refuses to start."""
    refused = subprocess.run(
        [sys.executable, "-m", "lab.console"],
        cwd=REPO,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    return line


def test_a_worker_is_less_urgent_than_what_takes_nginxs_lines(console: Console):
    supervisor = console.popen.pid
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (worker,) = map(int, children)
    urgency = os.getpriority(os.PRIO_PROCESS, supervisor)
    assert os.getpriority(os.PRIO_PROCESS, worker) == min(19, urgency + 5)


def test_a_second_one_does_not_take_the_firsts_socket(console: Console, tmp_path: Path):
    second = Console(tmp_path, {"LAB_TELEMETRY": str(console.telemetry)})
    assert second.popen.wait(30) == 1
    second.close()
    assert second.said("another collector reads it")
    assert (console.telemetry / "nginx.sock").is_socket()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_what_has_come_is_there_after_a_restart(tmp_path: Path, signum: signal.Signals):
    with Console(tmp_path) as first:
        key = (first.data / "secret_key").read_text()
        first.send(*request())
        assert first.close(signum) == 0
        assert [path.name for path in first.telemetry.iterdir()] == []
    with Console(tmp_path) as second:
        assert len(second.spans(TRACE)) == len(request())
        assert (second.data / "secret_key").read_text() == key


def test_sockets_that_a_killed_one_left_are_no_obstacle(tmp_path: Path):
    with Console(tmp_path) as first:
        first.close(signal.SIGKILL)
        assert {path.name for path in first.telemetry.iterdir()} == {"nginx.sock", "otlp.sock"}
    with Console(tmp_path) as second:
        second.send(*request())
        eventually_equal(lambda: len(second.spans(TRACE)), len(request()))
