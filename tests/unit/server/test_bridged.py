"""What a bridge is given by a server that root has started, and what it does not take."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest
from paceline.errors import ConfigError
from paceline.transport import Listener, bridge, bridged, listen

from tests.unit.server.supervised import until

SERVER = Path(bridged.__file__).parents[2]


class Started(Exception):
    """In place of a process."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """How the bridge's process would have been started."""
    seen: dict[str, Any] = {}

    def popen(command: list[str], **options: Any) -> None:
        seen.update(options)
        raise Started

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(bridged, "MEMORY", tmp_path)
    return seen


def owners(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may do it")
@pytest.mark.parametrize("kind", ["shm", "spool"])
def test_it_runs_as_the_user_of_the_workers_with_nothing_of_roots(
    started: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "paceline-x"
    with pytest.raises(Started):
        listen("shm:x" if kind == "shm" else f"{kind}:{place}", user=12345, group=23456)
    assert (started["user"], started["group"], started["extra_groups"]) == (12345, 23456, [])
    assert owners(place) == (12345, 23456)
    (socket,) = place.glob("socket-*")
    assert owners(socket) == (12345, 23456)


def theirs(place: Path, elsewhere: Path) -> None:
    place.mkdir()
    os.chown(place, 54321, 54321)


def a_link(place: Path, elsewhere: Path) -> None:
    place.symlink_to(elsewhere)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may do it")
@pytest.mark.parametrize("lie_in_wait", [theirs, a_link])
def test_what_somebody_else_has_put_there_is_not_taken(
    started: dict[str, Any], tmp_path: Path, lie_in_wait: Callable[[Path, Path], None]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lie_in_wait(tmp_path / "paceline-x", elsewhere)
    with pytest.raises(ConfigError, match="a link, or belongs to another user"):
        listen("shm:x", user=12345, group=23456)
    assert not started
    assert owners(elsewhere) == (0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may do it")
def test_the_folder_of_before_is_taken_again(started: dict[str, Any], tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Started):
            listen("shm:x", user=12345, group=23456)
        for socket in tmp_path.glob("paceline-x/*"):
            socket.unlink()


def test_a_bridge_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def none(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(bridged, "PAUSE", 0)
    listener = listen(f"pipe:{tmp_path}/d")
    try:
        assert listener.mend() == inf, "nothing has ended"
        bridge_process(listener).kill()
        with monkeypatch.context() as full:
            full.setattr(subprocess, "Popen", none)
            until(lambda: listener.mend() < inf, "that it has ended")
        assert "another cannot start: Resource temporarily unavailable" in caplog.text
        assert listener.mend() == inf
        assert "the bridge has ended; another is started" in caplog.text
        until((tmp_path / "d" / "knock").exists, "another one")
        assert bridge_process(listener).poll() is None
    finally:
        listener.close()


def bridge_process(listener: Listener) -> "subprocess.Popen[bytes]":
    assert isinstance(listener, bridged.BridgedListener)
    return listener._bridge


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from paceline.transport.bridge import make_room
print(make_room(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "clients", "descriptors"),
    [(64, 1600, 250, 1516), (64, 100, 14, 100), (1550, 1600, 250, 1550), (20, 20, 1, 20)],
)
def test_there_are_descriptors_for_as_many_clients_as_are_let_in(
    soft: int, hard: int, clients: int, descriptors: int
) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip("this system allows fewer descriptors")
    ran = subprocess.run(
        [sys.executable, "-c", LIMITED.format(soft=soft, hard=hard)],
        env={"PYTHONPATH": str(SERVER)},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == [str(clients), str(descriptors)], ran.stderr


class Guest:
    """A client that says nothing."""

    closed = 0

    def close(self) -> None:
        self.closed += 1

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody is there to {name}")


class Doorway:
    """Lets some in, one after the other, and then fails, or is closed."""

    def __init__(self, guests: list[Guest], trouble: Exception | None = None) -> None:
        self._guests, self._trouble = guests, trouble

    def __iter__(self) -> Iterator[Any]:
        yield from self._guests
        if self._trouble:
            raise self._trouble

    def close(self) -> None:
        """Nobody is let in any more."""


def test_who_cannot_be_served_gives_back_what_he_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_descriptor(*_: object) -> None:
        raise OSError("Too many open files")

    monkeypatch.setattr(bridge.socket, "socket", no_descriptor)
    guests = [Guest() for _ in range(5)]
    hall = bridge.Bridge(Doorway(guests), "/nowhere", clients=1)
    hall.run()  # there is room for the next once one has gone
    hall.end()
    assert [guest.closed for guest in guests] == [1] * 5


def test_without_a_thread_he_gives_it_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(bridge.threading.Thread, "start", no_thread)
    guests = [Guest(), Guest()]
    bridge.Bridge(Doorway(guests), "/nowhere", clients=1).run()
    assert [guest.closed for guest in guests] == [1, 1]


def test_a_door_that_fails_ends_the_process_so_that_another_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    bridge.run(bridge.Bridge(Doorway([]), "/nowhere"))
    assert ended == [], "one that was closed"
    bridge.run(bridge.Bridge(Doorway([], OSError("off its hinges")), "/nowhere"))
    assert ended == [1]
    assert "off its hinges" in capsys.readouterr().err
