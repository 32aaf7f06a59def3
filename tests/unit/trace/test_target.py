"""Where `lab trace` sends a request, and who is expected to tell of it."""

from pathlib import Path

import pytest

from lab.stack.layout import Layout
from lab.stack.running import Running
from lab.trace.target import find_target, told_by

WORDS = {"HTTP_PORT": "8080", "HTTPS_PORT": "8443", "CONSOLE_PORT": "8081"}
STATE = Running(1, "", 8180, 8543, "127.0.0.1:9000", console_port=8181)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"


def test_a_path_is_the_stacks(tmp_path: Path):
    alone = find_target("/a?b", None, None, Layout(tmp_path), WORDS)
    assert (alone.url, alone.console) == ("http://localhost:8080/a?b", "http://localhost:8081")
    running = find_target("/a", None, STATE, Layout(tmp_path), WORDS)
    assert (running.url, running.console) == ("http://localhost:8180/a", "http://localhost:8181")
    assert alone.is_stack and alone.is_local and running.is_stack and running.is_local
    assert not running.is_server


@pytest.mark.parametrize(
    ("url", "full", "stack", "server", "local"),
    [
        ("localhost:8180", "http://localhost:8180", True, False, True),
        ("https://127.0.0.1:8543/", "https://127.0.0.1:8543/", True, False, True),
        ("http://[::1]:8180/", "http://[::1]:8180/", True, False, True),
        ("127.0.0.1:9000/a", "http://127.0.0.1:9000/a", False, True, True),
        ("localhost", "http://localhost", False, False, True),
        ("example.org:8180/", "http://example.org:8180/", False, False, False),
        ("HTTPS://example.org", "HTTPS://example.org", False, False, False),
        ("http://localhost:x/", "http://localhost:x/", False, False, False),
    ],
)
def test_urls(tmp_path: Path, url: str, full: str, stack: bool, server: bool, local: bool):
    found = find_target(url, None, STATE, Layout(tmp_path), WORDS)
    assert (found.url, found.is_stack, found.is_server, found.is_local) == (
        full,
        stack,
        server,
        local,
    )


def test_the_stacks_own_certificate_is_trusted_there_alone(tmp_path: Path):
    layout = Layout(tmp_path)
    layout.make()
    url = "https://localhost:8543/"
    assert find_target(url, None, STATE, layout, WORDS).trust is None
    certificate = layout.tls / "certificate.pem"
    certificate.touch()
    assert find_target(url, None, STATE, layout, WORDS).trust == certificate
    for other in ("https://localhost:8443/", "https://example.org:8543/"):
        assert find_target(other, None, STATE, layout, WORDS).trust is None
    assert find_target(url, None, None, layout, WORDS).trust is None


def test_the_servers_unix_socket(tmp_path: Path):
    state = Running(1, "", 8180, 8543, "unix:/run/server.sock")
    found = find_target("/", "/run/server.sock", state, Layout(tmp_path), WORDS)
    assert found.is_server and not found.is_stack


@pytest.mark.parametrize(
    ("timing", "trace", "expected"),
    [
        ("", False, []),
        ("app;dur=3", False, []),
        (f'trace;desc="{TRACEPARENT}03", proxy;dur=1', True, ["proxy"]),
        (f'app;dur=3, trace;desc="{TRACEPARENT}01", upstream;dur=1', True, ["proxy", "server"]),
        (f'trace;desc="{TRACEPARENT}02", upstream;dur=1', True, []),
        ('trace;desc="nonsense", upstream;dur=1', False, []),
    ],
)
def test_who_will_tell(timing: str, trace: bool, expected: list[str]):
    head = f"HTTP/1.1 200 OK\r\nServer-Timing: {timing}\r\n\r\n".encode()
    context, hops = told_by(head)
    assert (context is not None, hops) == (trace, expected)
