"""A thread of the adaptive model, and what the monitor can tell of it by looking on."""

import enum
import math
import threading

from paceline.concurrency.activity import Seat
from paceline.concurrency.running import running_clock

PATIENCE = 0.1  # seconds that one request may burn CPU until another rider is sent all the same
QUICK = 0.001  # seconds: whoever needs less for a request does not wait
SOME = 0.1  # of the time


class Sight(enum.Enum):
    """What a look at a rider shows."""

    IDLE = enum.auto()
    """It serves nothing."""
    FRESH = enum.auto()
    """It began a request since the last look: whether that will block nobody knows yet."""
    RUNS = enum.auto()
    """It gets on, so another would only fight it for the GIL."""
    BURNS = enum.auto()
    """It has run for so long that others should not wait for it any more, if all do."""
    HALTS = enum.auto()
    """It has come to wait for something else than a core: the first look that shows it."""
    BLOCKED = enum.auto()
    """It waits still, or again."""


class Rider(Seat):
    """A thread, as the monitor sees it; made in that thread."""

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
        self.wake = threading.Lock()
        self.wake.acquire()
        self.dismissed = False  # whether it is to end when it wakes
        self.turn = 0  # counts what it was given to serve
        self._seen = 0  # the turn at the monitor's last look ...
        self._seen_at = 0.0  # ... and when that was
        self._halted = 0  # the last turn that was seen to wait
        self._burning_since = math.inf
        self._clock = running_clock()
        self._looked = self._ran = 0.0
        self._measured = -1

    def look(self, now: float) -> Sight:
        """Tell what it has done since the last call."""
        turns, self._seen = self.turn - self._seen, self.turn
        passed, self._seen_at = now - self._seen_at, now
        if self.conversation is None:
            return Sight.IDLE
        if turns > max(1, passed / QUICK):
            return Sight.RUNS
        runs = self._runs(now)
        if turns:
            self._burning_since = now
            return Sight.FRESH
        if not runs:
            known, self._halted = self._halted == self._seen, self._seen
            return Sight.BLOCKED if known else Sight.HALTS
        return Sight.BURNS if now - self._burning_since > PATIENCE else Sight.RUNS

    def forgive(self, now: float) -> None:
        """Let it burn for another while."""
        self._burning_since = now

    def _runs(self, now: float) -> bool:
        """Tell whether it ran, or wanted a core, for some of the time since the last call.

        A blocked one does not at all; the time that a host takes from a virtual machine looks like
        that, but seldom is all of it.  Where the last call was in another turn there is nothing to
        compare with: then, it runs.
        """
        ran = self._clock()
        part = (ran - self._ran) / max(now - self._looked, 1e-9)
        known = self._measured == self.turn
        self._ran, self._looked, self._measured = ran, now, self.turn
        return part > SOME or not known
