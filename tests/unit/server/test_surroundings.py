"""What is wrong around the server is one clear line: files, disks, sockets, certificates."""

import os
import signal
import socket
from pathlib import Path

import pytest

from lab.stack.certificate import ensure_certificate
from tests.unit.server.supervised import APPLICATION, DEADLINE, Server, alive, children, until

FAILING = APPLICATION.replace(
    'elif path == "/hang":', 'elif path == "/fail":\n        1 / 0\n    elif path == "/hang":'
)


def answer(path: Path, target: str = "/") -> str:
    """The status line on a Unix socket; OSError where nobody listens."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return client.makefile("rb").read().decode().partition("\r\n")[0]


def answers(path: Path) -> bool:
    try:
        return answer(path) == "HTTP/1.1 200 OK"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["--certfile", "none", "--keyfile", "app.py"], 2, "--certfile: there is no file none"),
        (["--access-logfile", "."], 2, "cannot write the log .: Is a directory"),
        (["--error-logfile", "no/x"], 2, "cannot write the log no/x: No such file or directory"),
        (["-b", "unix:app.py"], 1, "cannot listen on unix:app.py: a file that is not a socket"),
        (["-b", "unix:no/s"], 1, "cannot listen on unix:no/s: No such file or directory; its"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    tmp_path: Path, arguments: list[str], status: int, line: str
) -> None:
    with Server(tmp_path, *arguments, bind="") as server:
        assert server.exit_status() == status
        assert server.log.startswith(f"paceline: error: {line}")
        assert server.log.count("\n") == 1


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    with Server(tmp_path, "--certfile", "app.py", "--keyfile", "app.py") as server:
        assert server.exit_status() == 3
        (line,) = [each for each in server.log.splitlines() if "--certfile" in each]
        assert "--certfile 'app.py', --keyfile 'app.py': cannot be used: " in line
        assert "Traceback" not in server.log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what others cannot")
def test_a_key_that_the_workers_may_not_read(tmp_path: Path) -> None:
    certificate, key = ensure_certificate(tmp_path)
    files = ("--certfile", str(certificate), "--keyfile", str(key))
    with Server(tmp_path, *files, "--user", "nobody", "--preload") as server:
        assert server.exit_status() == 3
        (line,) = [each for each in server.log.splitlines() if "--keyfile" in each]
        assert line.endswith("cannot be used: [Errno 13] Permission denied")
        assert "Traceback" not in server.log


def test_an_access_log_on_a_full_disk_is_said_once_and_costs_no_answer(tmp_path: Path) -> None:
    with Server(tmp_path, "--access-logfile", "/dev/full") as server:
        server.ready()
        for _ in range(3):
            assert server.get().startswith("one")
        server.signal(signal.SIGTERM)
        assert server.exit_status() == 0
        assert server.log.count("[ERROR] log /dev/full: No space left on device") == 1


def test_an_error_log_on_a_full_disk_costs_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "s"
    options = ("--error-logfile", "/dev/full", "--access-logfile", "/dev/full")
    with Server(tmp_path, *options, application=FAILING, bind=f"unix:{path}") as server:
        until(lambda: answers(path), "an answer")
        assert answer(path, "/fail") == "HTTP/1.1 500 Internal Server Error"
        assert answers(path)
        server.signal(signal.SIGTERM)
        assert server.exit_status() == 0
        assert server.log == ""


def test_a_socket_that_a_killed_server_has_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Server(tmp_path, bind=f"unix:{path}") as server:
        workers = children(server.ready().pid)
        server.signal(signal.SIGKILL)
        server.process.wait()
        until(lambda: not any(map(alive, workers)), "the end of its workers")
    assert path.is_socket()
    with Server(tmp_path, bind=f"unix:{path}") as server:
        server.ready()
        assert answers(path)
        assert "ERROR" not in server.log
