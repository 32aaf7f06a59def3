"""What a bridge is given by a server that root has started, and what it does not take."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paceline.errors import ConfigError
from paceline.transport import bridged, listen


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
