"""A thread of the adaptive model, and what the monitor can tell of it from outside.

A thread that is blocked (on a database, a socket, a sleep) uses no CPU; one that computes, or waits
for the GIL in a busy process, does.  So a look compares the thread's CPU clock (running.py) with
that of the look before.
"""

import enum
import math
import threading

from paceline.concurrency.activity import Seat
from paceline.concurrency.running import running_clock

PATIENCE = 0.1  # seconds of computing for one request, after which another rider is sent anyway
QUICK = 0.001  # seconds; a request that takes less did not block
SOME = 0.1  # the share of the time between two looks from which on a thread has run


class Sight(enum.Enum):
    """What a look at a rider shows."""

    IDLE = enum.auto()
    """It serves no request."""
    FRESH = enum.auto()
    """It began its request since the last look: too early to tell whether that will block."""
    RUNS = enum.auto()
    """It computes: a second thread would only compete with it for the GIL."""
    BURNS = enum.auto()
    """It has computed for one request for longer than PATIENCE: others should not wait for it."""
    HALTS = enum.auto()
    """It is blocked, and this is the first look at its request that shows it."""
    BLOCKED = enum.auto()
    """It is blocked, as an earlier look at its request has shown already."""


class Rider(Seat):
    """A thread, as the monitor sees it; made in that thread, looked at by the main thread."""

    __slots__ = (
        "_burning_since",
        "_clock",
        "_halted",
        "_looked",
        "_measured",
        "_ran",
        "_seen",
        "_seen_at",
        "dismissed",
        "turn",
        "wake",
    )

    def __init__(self) -> None:
        super().__init__()
        # Held while it works.  A parked rider blocks in a second acquire(), until whoever wakes it
        # releases the lock.
        self.wake = threading.Lock()
        self.wake.acquire()
        self.dismissed = False  # whether it is to end when it is woken
        self.turn = 0  # counts the conversations that it has taken from the queue
        self._seen = 0  # the turn at the last look ...
        self._seen_at = 0.0  # ... and when that was
        self._halted = 0  # the last turn that was seen blocked
        self._burning_since = math.inf  # when its request was seen first, or it was forgiven
        self._clock = running_clock()
        self._ran = 0.0  # what the clock showed when it was last read ...
        self._looked = 0.0  # ... when that was ...
        self._measured = -1  # ... and in which turn

    def look(self, now: float) -> Sight:
        """Tell what it has done since the last look."""
        turns, self._seen = self.turn - self._seen, self.turn
        passed, self._seen_at = now - self._seen_at, now
        if self.conversation is None:
            return Sight.IDLE
        if turns > max(1, passed / QUICK):
            return Sight.RUNS  # its requests are too short for any of them to have blocked
        runs = self._runs(now)
        if turns:
            self._burning_since = now
            return Sight.FRESH
        if not runs:
            known, self._halted = self._halted == self._seen, self._seen
            return Sight.BLOCKED if known else Sight.HALTS
        return Sight.BURNS if now - self._burning_since > PATIENCE else Sight.RUNS

    def forgive(self, now: float) -> None:
        """Let it compute for PATIENCE once more before it counts as burning."""
        self._burning_since = now

    def _runs(self, now: float) -> bool:
        """Tell whether it ran, or was ready to run, for SOME of the time since the last call.

        A blocked thread does neither.  Nor does one whose virtual machine gets no core from its
        host, but that is seldom the case for all of the time.  If the last call was in an earlier
        turn there is nothing to compare with, and it counts as running.
        """
        ran = self._clock()
        part = (ran - self._ran) / max(now - self._looked, 1e-9)
        known = self._measured == self.turn
        self._ran, self._looked, self._measured = ran, now, self.turn
        return part > SOME or not known
