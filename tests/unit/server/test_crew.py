"""What becomes of a worker for which the system has no process."""

import errno
import os
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from paceline.balance import SLOTS
from paceline.config import Config
from paceline.process.crew import Crew


def test_one_that_cannot_be_forked_gives_back_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> NoReturn:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", none_left)
    config = Config(stats="unix:stats")
    inbox: Any = SimpleNamespace(wake=lambda: None)
    listeners: Any = dict.fromkeys(config.bind)
    crew = Crew(None, inbox, lambda *_: None, lambda: None)  # type: ignore[arg-type,return-value]
    for _ in range(SLOTS + 1):
        with pytest.raises(BlockingIOError):
            crew.start(config, listeners, None)
    assert len(crew) == 0
    assert crew._board.place().slot >= 0, "there is still a place for the next"
