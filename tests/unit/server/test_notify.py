"""What a service manager is told, by datagrams over a real socket."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
from paceline.process import notify
from paceline.process.notify import ServiceManager

from tests.unit.server.supervised import Server

PATIENCE = 20.0


class Manager:
    """A service manager that listens."""

    def __init__(self, address: str) -> None:
        self.environ = {"NOTIFY_SOCKET": address}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def hear(self) -> dict[str, str]:
        """Wait for the next message."""
        lines = self._socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def hear_of(self, name: str) -> dict[str, str]:
        """Wait for the next message that says this, which must be the next but for the watchdog."""
        while "WATCHDOG" in (message := self.hear()) and name != "WATCHDOG":
            pass
        assert name in message, message
        return message

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    here = f"{tmp_path}/notify@1"
    made = Manager(here if request.param == "path" else f"@{here}")
    yield made
    made.close()


def test_each_state_is_said_once(manager: Manager) -> None:
    told = ServiceManager(manager.environ)
    told.ready("all")
    told.ready("all")
    told.ready("one more")
    assert manager.hear() == {"READY": "1", "STATUS": "all"}
    assert manager.hear() == {"STATUS": "one more"}
    before = time.monotonic_ns() // 1000
    told.reloading()
    told.reloading()
    for _ in range(2):
        message = manager.hear()
        assert before <= int(message.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000
        assert message == {"RELOADING": "1", "STATUS": "reloading"}
    told.ready("one more")
    assert manager.hear() == {"READY": "1", "STATUS": "one more"}
    told.stopping()
    told.stopping()
    told.ready("never mind")
    assert manager.hear()["STOPPING"] == "1"
    assert manager.hear()["READY"] == "1"


def test_signs_of_life_come_twice_as_often_as_they_are_waited_for(manager: Manager) -> None:
    for pid in ({}, {"WATCHDOG_PID": str(os.getpid())}):
        told = ServiceManager(manager.environ | {"WATCHDOG_USEC": "60000000"} | pid)
        began = time.monotonic()
        told.beat()
        told.beat()
        assert 29.9 <= told.next_deadline() - began <= 40
        told.stopping()
        assert manager.hear() == {"WATCHDOG": "1"}
        assert "STOPPING" in manager.hear()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": str(os.getppid())},
    ],
)
def test_no_signs_of_life_are_sent_that_nobody_waits_for(environ: dict[str, str]) -> None:
    assert ServiceManager({"NOTIFY_SOCKET": "/nowhere"} | environ).next_deadline() == inf


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_nothing_is_sent_where_there_is_nobody(address: str) -> None:
    told = ServiceManager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"})
    told.ready("all")
    assert told.next_deadline() == inf


def test_one_who_does_not_listen_stops_nothing(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notify, "PATIENCE", 0.01)
    told = ServiceManager(manager.environ)
    while not caplog.records:  # until its socket is full
        told.reloading()
    manager.close()
    told.ready("all")
    assert "could not be told RELOADING=1" in caplog.messages[0]
    assert "could not be told READY=1" in caplog.messages[-1]


class TestServer:
    def test_it_is_ready_when_all_its_workers_are_and_says_when_it_stops(
        self, manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.environ["NOTIFY_SOCKET"])
        with Server(tmp_path, "-w", "2") as server:
            assert manager.hear_of("READY")["STATUS"] == "workers ready: 2"
            assert server.log.count("is ready") == 2
            server.signal(signal.SIGTTIN)
            assert manager.hear_of("STATUS") == {"STATUS": "workers ready: 3"}
            server.signal(signal.SIGTERM)
            manager.hear_of("STOPPING")
            assert server.exit_status() == 0

    def test_a_reload_ends_well_or_not_but_it_ends(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        manager = Manager(f"{tmp_path}/notify")
        monkeypatch.setenv("NOTIFY_SOCKET", manager.environ["NOTIFY_SOCKET"])
        (tmp_path / "paceline.conf.py").write_text("threads = 2")
        with Server(tmp_path) as server:
            manager.hear_of("READY")
            for config in ("threads = 3", "threads = 'many'"):
                server.write("paceline.conf.py", config)
                server.signal(signal.SIGHUP)
                manager.hear_of("RELOADING")
                manager.hear_of("READY")
            assert "reloaded: 1 workers" in server.log
            assert "not reloaded" in server.log
            server.write("paceline.conf.py", "threads = 2")
            server.write("app.py", "raise RuntimeError")
            server.signal(signal.SIGHUP)
            manager.hear_of("RELOADING")
            manager.hear_of("READY")
            assert "reload given up" in server.log
        manager.close()

    def test_a_new_process_in_its_place_gives_them_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        manager = Manager(f"{tmp_path}/notify")
        monkeypatch.setenv("NOTIFY_SOCKET", manager.environ["NOTIFY_SOCKET"])
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        mine = ("sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh")
        with Server(tmp_path, before=mine) as server:
            manager.hear_of("READY")
            server.signal(signal.SIGUSR2)
            successor = int(manager.hear_of("MAINPID")["MAINPID"])
            try:
                manager.hear_of("READY")
                server.signal(signal.SIGTERM)
                assert server.exit_status() == 0
                while "STOPPING" not in manager.hear():
                    pass  # what was said while both were there
                for _ in range(2):
                    assert manager.hear() == {"WATCHDOG": "1"}
            finally:
                os.kill(successor, signal.SIGINT)
        manager.close()

    def test_it_gives_signs_of_life_from_the_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        manager = Manager(f"{tmp_path}/notify")
        monkeypatch.setenv("NOTIFY_SOCKET", manager.environ["NOTIFY_SOCKET"])
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        with Server(tmp_path, application="import time; time.sleep(1000)"):
            for _ in range(3):
                assert manager.hear() == {"WATCHDOG": "1"}
        manager.close()
