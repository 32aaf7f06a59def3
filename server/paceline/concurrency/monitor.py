"""What the adaptive model's monitor makes of the riders: whether another is to go to the front.

    a busy rider runs          another would only fight it for the GIL: none
    all busy ones are blocked  another, once two looks have seen it
    one has run for too long   another, so that the others' requests need not wait for its end

No thread, clock or lock in here: the model says when to look, and does what is found.
"""

import sys
from collections.abc import Iterable

from paceline.concurrency.rider import Rider, Sight

TICK = 0.001  # seconds between two looks
CALM_TICK = 0.005  # the same where all is well, and was for CALM_AFTER: a look takes the GIL
CALM_AFTER = 1.0  # seconds


class Monitor:
    """Remembers what it saw at the last look."""

    __slots__ = ("_all_run", "_gil", "_sent_at", "_suspecting", "blocking")

    def __init__(self) -> None:
        # Asked once the application is loaded: an extension of its may have brought the GIL back.
        self._gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        self.blocking = False
        """Whether requests were seen to wait rather than to burn."""
        self._suspecting = False  # whether at the last look nobody got on, for the first time
        self._all_run = False  # whether at the last look every busy rider ran for sure
        self._sent_at = 0.0  # when it last wanted somebody at the front

    def begin(self, now: float) -> None:
        """Take note of the time of the start."""
        self._sent_at = now

    def pause(self, now: float) -> float:
        """Return how many seconds may pass until the next look."""
        return CALM_TICK if self._all_run and now - self._sent_at > CALM_AFTER else TICK

    def look(self, riders: Iterable[Rider], now: float) -> bool:
        """Tell whether to send another rider to the front; a request waits, or nobody polls."""
        sights = {rider.look(now) for rider in riders}
        self._all_run = sights <= {Sight.IDLE, Sight.RUNS}
        hogged = sights - {Sight.IDLE, Sight.BLOCKED} == {Sight.BURNS}
        active = not sights.isdisjoint({Sight.RUNS, Sight.BURNS})
        if Sight.FRESH in sights:
            active |= not self.blocking  # a guess, by what was seen last
        if active and not hogged and self._gil:
            self.blocking = self._suspecting = False
            return False
        if not hogged and not self.blocking and not self._suspecting:
            # Once is not enough: the leader may be on its way to or from the poll, or the host may
            # have taken this machine's core away.
            self._suspecting = True
            return False
        self.blocking = not active
        self._sent_at = now
        if hogged:
            for rider in riders:
                rider.forgive(now)  # one more rider for each such time
        return True
