"""`lab up` as a person runs it: real processes, real signals, one var/ for each stack."""

import fcntl
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from lab.serve import read_servers
from lab.stack.answers import to_bind, to_tls, why_unhealthy
from tests.services.stack import LAB, REPO, Stack, eventually, is_alive

CHOICES = ", ".join(read_servers())

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def is_gone(stack: Stack, pids: set[int]) -> bool:
    """Whether nothing of a stack is left: no process, no one at its ports, no state."""
    free = why_unhealthy(lambda: to_bind(f"127.0.0.1:{stack.http}")) is not None
    left = any(is_alive(pid) for pid in pids)
    return free and not left and not (stack.var / "run" / "stack.json").exists()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "var", SERVER="gunicorn") as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that tests look at and leave as it is."""
    with Stack(tmp_path_factory.mktemp("running") / "var", SERVER="gunicorn") as made:
        made.start()
        yield made


def test_it_answers_at_every_address_it_prints(running: Stack):
    certificate = running.var / "tls" / "certificate.pem"
    assert running.said(rf"^lab +\|   http://localhost:{running.http}/ +through the proxy$")
    assert running.said(rf"^lab +\|   https://localhost:{running.https}/ ")
    assert running.said(rf"^lab +\|   http://localhost:{running.console}/ +the console: traces")
    assert why_unhealthy(lambda: to_bind(f"127.0.0.1:{running.http}")) is None
    assert why_unhealthy(lambda: to_tls(running.https, certificate)) is None
    assert why_unhealthy(lambda: to_bind(str(running.state()["bind"]))) is None
    assert why_unhealthy(lambda: to_bind(f"127.0.0.1:{running.console}")) is None


def test_a_stack_that_is_not_of_lab_up_is_left_to_docker(running: Stack, tmp_path: Path):
    with Stack(tmp_path / "var", CONSOLE_PORT=str(running.console)) as nothing:
        status, down = nothing.lab("status"), nothing.lab("down")
    says = f"nothing of `make up` is up; http://localhost:{running.console}/ answers, so maybe "
    assert (status.returncode, status.stdout) == (1, "")
    assert status.stderr == f"lab: {says}containers are: `docker compose ps` tells of them\n"
    assert down.stdout == f"{says}containers are: `docker compose down` stops them\n"
    assert why_unhealthy(lambda: to_bind(f"127.0.0.1:{running.console}")) is None


def test_a_page_leads_to_its_trace_in_the_console(running: Stack):
    page = requests.get(f"http://localhost:{running.http}/", timeout=10)
    trace = page.headers["X-Request-ID"]
    assert f'href="http://localhost:{running.console}/traces/{trace}/"' in page.text


def test_a_place_whose_sockets_nobody_could_name_is_refused(tmp_path: Path):
    with Stack(tmp_path / ("x" * 100)) as stack:
        refused = stack.lab("up")
        assert refused.returncode == 1
        assert "/run/telemetry is too long a path for Unix sockets: set LAB_VAR" in refused.stderr
        assert not stack.var.exists()


def test_every_line_stands_behind_a_name_without_colour_where_no_terminal_is(running: Stack):
    for line in running.lines:
        assert re.match(r"(lab|prepare|console|server|proxy) +\| ", line), line
        assert "\x1b" not in line


def test_status_says_what_is_up_and_that_it_answers(running: Stack):
    status = running.lab("status")
    assert status.returncode == 0, status.stderr
    assert "up: gunicorn (gthread, workers: 1, 8 threads) with django" in status.stdout
    assert f"server {running.pid_of('server')}" in status.stdout
    answering = re.findall(r"^(\w+): answers$", status.stdout, re.M)
    assert answering == ["server", "http", "https", "console"]


def test_a_second_one_in_the_same_folder_is_refused_and_the_first_lives_on(running: Stack):
    second = running.lab("up")
    assert second.returncode == 1
    assert second.stderr.startswith("lab: a stack is up already: gunicorn ")
    assert running.lab("status").returncode == 0


@pytest.mark.parametrize("word", ["HTTP_PORT", "CONSOLE_PORT"])
def test_a_taken_port_is_said_before_anything_starts(running: Stack, tmp_path: Path, word: str):
    other = Stack(tmp_path / "var", SERVER="gunicorn")
    other.environ[word] = str(running.http)
    refused = other.lab("up")
    assert refused.returncode == 1
    pid = running.pid_of("proxy")
    message = (
        rf"lab: {word}={running.http} is taken by nginx \(pid {pid}\); choose another: {word}="
    )
    assert re.match(message, refused.stderr), refused.stderr
    assert refused.stdout == ""


def test_a_bad_word_is_refused_with_exit_status_2(stack: Stack):
    refused = stack.lab("up", "--server", "apache")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"lab: SERVER=apache: unknown; choose one of {CHOICES}\n"
    assert not stack.var.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_nothing_and_is_no_failure(stack: Stack, number: signal.Signals):
    up = stack.start()
    pids = stack.pids()
    assert len(pids) >= 5  # lab, gunicorn and its worker, nginx and its worker
    up.send_signal(number)
    assert up.wait(60) == 0
    eventually(lambda: stack.said(r"\| ending: requests in flight are finished first; Ctrl-C cuts"))
    assert is_gone(stack, pids)


def test_before_it_is_up_ctrl_c_ends_it_without_a_word_of_requests(stack: Stack):
    (stack.var / "data").mkdir(parents=True)
    with (stack.var / "data" / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that the preparation does not come to its end
        up = stack.begin()
        eventually(lambda: stack.said(r"\| preparing the application$"))
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    eventually(lambda: stack.said(r"\| everything has ended$"))
    assert stack.said(r"^lab +\| ending$")


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


def test_a_console_that_dies_is_missed_by_nobody(stack: Stack):
    up = stack.start()
    os.kill(stack.pid_of("console"), signal.SIGKILL)
    eventually(lambda: stack.said(r"\| console ended by itself \(killed by SIGKILL\); the stack"))
    eventually(lambda: "console" not in stack.state()["pids"])
    assert why_unhealthy(lambda: to_bind(f"127.0.0.1:{stack.http}")) is None
    assert up.poll() is None
    assert not stack.said("logging to syslog")
    status = stack.lab("status")
    assert status.returncode == 1
    assert "the console" not in status.stdout
    assert re.search(r"^console: .*refused$", status.stdout, re.M)


def test_when_the_lab_itself_is_killed_nothing_is_left(stack: Stack):
    up = stack.start()
    pids = stack.pids()
    up.kill()
    up.wait()
    eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert stack.lab("status").returncode == 1
    assert stack.start().poll() is None


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("DATABASE_URL=nosuchdb://somewhere/", 2),  # cannot be followed
        ("DATABASE_URL=postgres://127.0.0.1:1/none", 1),  # nobody answers there
        ("SECURE_COOKIES=maybe", 2),
    ],
)
def test_an_application_that_cannot_start_is_shown_and_nothing_is_left(
    stack: Stack, value: str, status: int
):
    name, _, stack.environ[name] = value.partition("=")
    failed = stack.lab("up")
    assert failed.returncode == status
    assert re.search(rf"^prepare \| .*{name}", failed.stdout, re.M)
    assert failed.stderr.startswith("lab: prepare failed (exit status ")
    assert is_gone(stack, set())


def test_in_the_background_it_stays_until_lab_down(stack: Stack):
    up = stack.lab("up", "--detach", "--transport", "unix")
    assert up.returncode == 0, up.stderr
    pids = stack.pids()
    assert f"http://localhost:{stack.http}/" in up.stdout
    assert f"`make down LAB_VAR={stack.var}` stops it" in up.stdout
    assert str(stack.state()["bind"]) == f"unix:{stack.var}/run/server.sock"
    assert stack.lab("status").returncode == 0
    assert {path.name for path in (stack.var / "log").iterdir()} == {
        *("stack.log", "prepare.log", "console.log", "server.log", "proxy.log")
    }
    down = stack.lab("down")
    assert (down.returncode, down.stdout[:15]) == (0, "down: gunicorn ")
    eventually(lambda: is_gone(stack, pids))  # the lab itself may need a moment more to exit
    assert stack.lab("down").stdout == "nothing is up\n"


def test_in_the_background_a_failure_is_shown_where_it_was_asked_for(stack: Stack):
    stack.environ["DATABASE_URL"] = "nosuchdb://somewhere/"
    failed = stack.lab("up", "--detach")
    assert failed.returncode == 2
    assert re.search(r"^prepare \| .*DATABASE_URL", failed.stderr, re.M)
    assert "\nlab: prepare failed (exit status " in failed.stderr


def test_on_a_terminal_names_have_colours_and_ctrl_c_ends_it(stack: Stack):
    environ = {name: value for name, value in stack.environ.items() if name != "NO_COLOR"}
    terminal, other_end = os.openpty()
    up = subprocess.Popen(
        [*LAB, "up"], cwd=REPO, env=environ, preexec_fn=lambda: os.login_tty(other_end)
    )
    os.close(other_end)
    shown = b""
    while b"Ctrl-C stops it" not in shown:
        shown += os.read(terminal, 4096)
    pids = stack.pids()
    os.write(terminal, b"\x03")
    with suppress(OSError):  # Linux's way to say that nobody has the terminal open any more
        while more := os.read(terminal, 4096):
            shown += more
    os.close(terminal)
    assert up.wait(60) == 0
    assert re.search(rb"\x1b\[32mserver +\|\x1b\[0m ", shown)
    assert is_gone(stack, pids)
