"""USR2: another process takes the place of this one, and nobody outside notices."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tests.unit.server.supervised import Call, Server, alive, until


def successor(server: Server, times: int = 1) -> int:
    """Sends USR2, and waits until the new process serves."""
    server.signal(signal.SIGUSR2)
    return int(server.logged(r"USR2: process (\d+) begins", times)[-1])


@pytest.fixture
def server(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Server(tmp_path, "--pid", "pid", "--stats", "unix:stats") as started:
        yield started.ready()


def test_both_serve_until_the_old_one_is_told_to_end(server: Server, tmp_path: Path) -> None:
    call = Call.in_flight(server)
    new = successor(server)
    server.ready(2)
    assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
    until(lambda: (tmp_path / "pid.2").exists(), "the new pid file")
    assert (tmp_path / "pid.2").read_text() == f"{new}\n"
    server.write("app.py", (tmp_path / "app.py").read_text().replace('"one"', '"two"'))
    server.signal(signal.SIGTERM)
    server.logged("stopping: ")
    server.write("go", "")
    assert str(call.end()).startswith("one")
    assert server.process.wait(20) == 0
    try:
        assert server.get().startswith("one")  # as the new process had loaded it
        until(lambda: (tmp_path / "pid").exists(), "the pid file")
        assert (tmp_path / "pid").read_text() == f"{new}\n"
        assert not (tmp_path / "pid.2").exists()
        with socket.socket(socket.AF_UNIX) as stats:
            until(lambda: stats.connect_ex(str(tmp_path / "stats")) == 0, "statistics")
    finally:
        os.kill(new, signal.SIGTERM)
    until(lambda: not alive(new), "the end of the new process")
    assert not (tmp_path / "pid").exists()


def test_the_old_one_may_have_ended_before_the_new_one_has_begun(
    server: Server, tmp_path: Path
) -> None:
    new = successor(server)
    server.signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    try:
        until(lambda: server.log.count(" is ready") == 2, "the new worker")
        until(lambda: (tmp_path / "pid").exists(), "the pid file")
        assert (tmp_path / "pid").read_text() == f"{new}\n"
        with socket.socket(socket.AF_UNIX) as stats:
            until(lambda: stats.connect_ex(str(tmp_path / "stats")) == 0, "statistics")
    finally:
        os.kill(new, signal.SIGTERM)
    until(lambda: not alive(new), "the end of the new process")
    assert not (tmp_path / "pid.2").exists()


def test_a_unix_socket_stays_until_the_last_has_ended(tmp_path: Path) -> None:
    with Server(tmp_path, bind=f"unix:{tmp_path}/s") as server:
        new = successor(server.ready())
        server.ready(2)
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
        os.kill(new, signal.SIGTERM)
        until(lambda: not (tmp_path / "s").exists(), "the end of the socket")


def test_a_unix_socket_stays_where_the_new_one_is_told_to_end(tmp_path: Path) -> None:
    with Server(tmp_path, bind=f"unix:{tmp_path}/s") as server:
        new = successor(server.ready())
        server.ready(2)
        os.kill(new, signal.SIGTERM)
        server.logged("this one serves on alone")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert not (tmp_path / "s").exists()


def test_an_address_that_the_new_one_does_not_want_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "paceline.conf.py").write_text("bind = '127.0.0.1:0', '127.0.0.2:0'\n")
    with Server(tmp_path, bind="") as server:
        gone = server.ready().address
        assert gone[0] == "127.0.0.2"
        server.write("paceline.conf.py", "bind = '127.0.0.1:0'\n")
        new = successor(server)
        server.ready(2)
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        try:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(gone, 5)
        finally:
            os.kill(new, signal.SIGTERM)
        until(lambda: not alive(new), "the end of the new process")


def test_where_the_new_one_fails_the_old_one_goes_on(server: Server, tmp_path: Path) -> None:
    server.write("app.py", "raise RuntimeError('broken')")
    successor(server)
    server.logged("the new process has ended; this one serves on alone")
    assert server.get().startswith("one")
    assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
    assert not (tmp_path / "pid.2").exists()
    server.write("app.py", "raise RuntimeError('still broken')")
    successor(server, 2)  # another try
    server.logged("the new process has ended; this one serves on alone", 2)
    server.signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert not (tmp_path / "pid").exists()


def test_one_at_a_time(server: Server) -> None:
    new = successor(server)
    server.ready(2)
    server.signal(signal.SIGUSR2)
    server.logged("USR2: nothing is started")
    os.kill(new, signal.SIGTERM)
    server.logged("this one serves on alone")
    assert server.get().startswith("one")


def test_a_bridge_cannot_be_handed_on(tmp_path: Path) -> None:
    with Server(tmp_path, bind=f"pipe:{tmp_path}/d") as server:
        server.ready().signal(signal.SIGUSR2)
        server.logged("USR2: pipe:.*/d cannot be handed on; nothing is started")
        assert server.process.poll() is None


def test_the_variable_is_not_for_applications(tmp_path: Path) -> None:
    program = "import os\ndef application(e, s):\n s('200 OK', [])\n"
    program += " return [f\"one {os.environ.get('PACELINE_SOCKETS')}\".encode()]\n"
    with Server(tmp_path, application=program) as server:
        new = successor(server.ready())
        server.ready(2)
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert server.get() == "one None"
        os.kill(new, signal.SIGTERM)
        until(lambda: not alive(new), "the end of the new process")
