"""How workers end, in words, with who has killed them where that can be known."""

import signal
import time
from collections.abc import Callable
from math import inf

from paceline.process import oom
from paceline.process.worker import Worker

AT_ONCE = 1.0
"""Seconds within which the ends of workers that the kernel has killed together become known."""


class Endings:
    """Made when nobody has ended yet: it looks whether the kernel counts more kills than then."""

    def __init__(self, kills: Callable[[], int | None] = oom.kills) -> None:
        self._kills = kills
        self._known = kills()
        self._rose = -inf

    def in_words(self, worker: Worker, status: int) -> str:
        """What follows "worker 123"; the status is minus the signal where one has ended it."""
        if status >= 0:
            return f"has exited with status {status}" if status else "is done"
        name = next((each.name for each in signal.Signals if each == -status), f"signal {-status}")
        theirs = name == "SIGKILL" and not worker.killed
        return f"was ended by {name}" + (self._why_killed() if theirs else "")

    def _why_killed(self) -> str:
        count, now = self._kills(), time.monotonic()
        if count is None or self._known is None:
            return " (out of memory?)"
        if count > self._known:
            self._known, self._rose = count, now
        if now - self._rose > AT_ONCE:
            return ", not by the kernel for memory"
        return f": out of memory (the limit is {oom.limit() >> 20} MiB)"
