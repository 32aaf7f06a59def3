"""`lab up` as a person runs it: real processes, real signals, one var/ for each stack."""

import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.stack.answers import to_bind, to_tls, why_unhealthy
from lab.stack.ports import free_port

REPO = Path(__file__).resolve().parents[3]
LAB = [sys.executable, "-m", "lab"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


class Stack:
    """The words and folder of one stack, and the `lab` commands on it."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.http, self.https = free_port(), free_port()
        self.environ = {
            **os.environ,
            "LAB_VAR": str(var),
            "SERVER": "gunicorn",
            "HTTP_PORT": str(self.http),
            "HTTPS_PORT": str(self.https),
            "PYTHONUNBUFFERED": "1",
        }
        self.lines: list[str] = []

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a `lab` command to its end."""
        return subprocess.run(
            [*LAB, *arguments],
            cwd=REPO,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def start(self) -> subprocess.Popen[str]:
        """`lab up` in the foreground, once it answers."""
        up = subprocess.Popen(
            [*LAB, "up"],
            cwd=REPO,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(up,), daemon=True).start()
        eventually(lambda: self.said(r"^lab +\| up: ") or up.poll() is not None)
        assert up.poll() is None, "\n".join(self.lines)
        return up

    def _read(self, up: subprocess.Popen[str]) -> None:
        assert up.stdout is not None
        for line in up.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, pattern: str) -> bool:
        """Whether a line of `lab up` matches."""
        return any(re.search(pattern, line) for line in self.lines)

    def state(self) -> dict[str, object]:
        """What the stack says of itself."""
        found: dict[str, object] = json.loads((self.var / "run" / "stack.json").read_text())
        return found

    def pids(self) -> set[int]:
        """Every process of the stack, the lab's own among them."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            parents[int(stat.parent.name)] = int(fields[1])
        family = {int(str(self.state()["pid"]))}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return family

    def pid_of(self, name: str) -> int:
        """The pid of one of its processes."""
        pids = self.state()["pids"]
        assert isinstance(pids, dict)
        return int(pids[name])


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_gone(stack: Stack, pids: set[int]) -> bool:
    """Whether nothing of a stack is left: no process, no one at its ports, no state."""
    free = why_unhealthy(lambda: to_bind(f"127.0.0.1:{stack.http}")) is not None
    left = any(is_alive(pid) for pid in pids)
    return free and not left and not (stack.var / "run" / "stack.json").exists()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path / "var")
    yield made
    made.lab("down")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that tests look at and leave as it is."""
    made = Stack(tmp_path_factory.mktemp("running") / "var")
    up = made.start()
    yield made
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0


def test_it_answers_at_every_address_it_prints(running: Stack):
    certificate = running.var / "tls" / "certificate.pem"
    assert running.said(rf"^lab +\|   http://localhost:{running.http}/ +through the proxy$")
    assert running.said(rf"^lab +\|   https://localhost:{running.https}/ ")
    assert why_unhealthy(lambda: to_bind(f"127.0.0.1:{running.http}")) is None
    assert why_unhealthy(lambda: to_tls(running.https, certificate)) is None
    assert why_unhealthy(lambda: to_bind(str(running.state()["bind"]))) is None


def test_every_line_stands_behind_a_name_without_colour_where_no_terminal_is(running: Stack):
    for line in running.lines:
        assert re.match(r"(lab|prepare|server|proxy) +\| ", line), line
        assert "\x1b" not in line


def test_status_says_what_is_up_and_that_it_answers(running: Stack):
    status = running.lab("status")
    assert status.returncode == 0, status.stderr
    assert "up: gunicorn (gthread, workers: 1, 8 threads) with django" in status.stdout
    assert f"server {running.pid_of('server')}" in status.stdout
    assert re.findall(r"^(\w+): answers$", status.stdout, re.M) == ["server", "http", "https"]


def test_a_second_one_in_the_same_folder_is_refused_and_the_first_lives_on(running: Stack):
    second = running.lab("up")
    assert second.returncode == 1
    assert second.stderr.startswith("lab: a stack is up already: gunicorn ")
    assert running.lab("status").returncode == 0


def test_a_taken_port_is_said_before_anything_starts(running: Stack, tmp_path: Path):
    other = Stack(tmp_path / "var")
    other.environ["HTTP_PORT"] = str(running.http)
    refused = other.lab("up")
    assert refused.returncode == 1
    pid = running.pid_of("proxy")
    message = (
        rf"lab: HTTP_PORT={running.http} is taken by nginx \(pid {pid}\); choose another: HTTP"
    )
    assert re.match(message, refused.stderr), refused.stderr
    assert refused.stdout == ""


def test_a_bad_word_is_refused_with_exit_status_2(stack: Stack):
    refused = stack.lab("up", "--server", "apache")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "lab: SERVER=apache: unknown; choose one of paceline, gunicorn\n"
    assert not stack.var.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_nothing_and_is_no_failure(stack: Stack, number: signal.Signals):
    up = stack.start()
    pids = stack.pids()
    assert len(pids) >= 5  # lab, gunicorn and its worker, nginx and its worker
    up.send_signal(number)
    assert up.wait(60) == 0
    assert is_gone(stack, pids)


def test_requests_in_flight_are_finished(stack: Stack):
    up = stack.start()
    connection = http.client.HTTPConnection("127.0.0.1", stack.http, timeout=30)
    with socket.create_connection(("127.0.0.1", stack.http)):  # as browsers open them ahead of need
        connection.request("GET", "/workload/io/?ms=2000")
        eventually(lambda: has_read_all(connection.sock.getsockname()[1]))
        up.send_signal(signal.SIGTERM)
        answer = connection.getresponse()
        assert (answer.status, answer.reason) == (200, "OK")
        assert answer.read()
        assert up.wait(60) == 0


def has_read_all(client_port: int) -> bool:
    """Whether the other end of a loopback connection was accepted and has read what was sent."""
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, _, queues, _, _, _, _, inode, *_ = row.split()
        if int(remote.rpartition(":")[2], 16) == client_port:
            return inode != "0" and int(queues.rpartition(":")[2], 16) == 0
    return False


@pytest.mark.parametrize("name", ["server", "proxy"])
def test_a_process_that_dies_takes_the_stack_down(stack: Stack, name: str):
    up = stack.start()
    pids = stack.pids()
    os.kill(stack.pid_of(name), signal.SIGKILL)
    assert up.wait(60) == 1
    eventually(lambda: stack.said(rf"^lab: {name} ended by itself \(killed by SIGKILL\)"))
    assert is_gone(stack, pids)


def test_when_the_lab_itself_is_killed_nothing_is_left(stack: Stack):
    up = stack.start()
    pids = stack.pids()
    up.kill()
    up.wait()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert stack.lab("status").returncode == 1
    assert stack.start().poll() is None


def test_an_application_that_cannot_start_is_shown_and_nothing_is_left(stack: Stack):
    stack.environ["DATABASE_URL"] = "nosuchdb://somewhere/"
    failed = stack.lab("up")
    assert failed.returncode == 1
    assert re.search(r"^prepare \| .*DATABASE_URL", failed.stdout, re.M)
    assert failed.stderr.startswith("lab: prepare failed (exit status ")
    assert is_gone(stack, set())


def test_in_the_background_it_stays_until_lab_down(stack: Stack):
    up = stack.lab("up", "--detach", "--transport", "unix")
    assert up.returncode == 0, up.stderr
    pids = stack.pids()
    assert f"http://localhost:{stack.http}/" in up.stdout
    assert str(stack.state()["bind"]) == f"unix:{stack.var}/run/server.sock"
    assert stack.lab("status").returncode == 0
    assert {path.name for path in (stack.var / "log").iterdir()} == {
        *("stack.log", "prepare.log", "server.log", "proxy.log")
    }
    down = stack.lab("down")
    assert (down.returncode, down.stdout[:15]) == (0, "down: gunicorn ")
    eventually(lambda: is_gone(stack, pids))  # the lab itself may need a moment more to exit
    assert stack.lab("down").stdout == "nothing is up\n"


def test_in_the_background_a_failure_is_shown_where_it_was_asked_for(stack: Stack):
    stack.environ["DATABASE_URL"] = "nosuchdb://somewhere/"
    failed = stack.lab("up", "--detach")
    assert failed.returncode == 1
    assert re.search(r"^prepare \| .*DATABASE_URL", failed.stderr, re.M)
    assert "\nlab: prepare failed (exit status " in failed.stderr


def test_on_a_terminal_names_have_colours_and_ctrl_c_ends_it(stack: Stack):
    environ = {name: value for name, value in stack.environ.items() if name != "NO_COLOR"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(REPO)
        os.execve(sys.executable, [*LAB, "up"], environ)
    shown = b""
    while b"curl" not in shown and b"without the proxy" not in shown:
        shown += os.read(terminal, 4096)
    pids = stack.pids()
    os.write(terminal, b"\x03")
    try:
        while more := os.read(terminal, 4096):
            shown += more
    except OSError:
        pass  # Linux's way to say that nobody has the terminal open any more
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert re.search(rb"\x1b\[32mserver +\|\x1b\[0m ", shown)
    assert is_gone(stack, pids)
