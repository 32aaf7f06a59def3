"""The monitor's decisions in the adaptive model: whether to send another rider to the front.

    what a look at the busy riders shows     decision
    one of them runs                         none: another would only compete for the GIL
    all of them are blocked                  another, once two looks in a row have shown it
    one has computed for longer than         another, so that the other requests need not wait
    PATIENCE, the others are blocked         for it to end
    one has just begun its request           as if it did what requests did of late: block, or run
    several run, none is blocked             one of them is to park: they compete for the GIL

Without a GIL, a rider that runs is no reason to send none.

There is no thread, clock or lock in here: the model tells the time, looks, and acts on the answer.
"""

import sys
from collections.abc import Sequence

from paceline.concurrency.rider import Rider, Sight

TICK = 0.001  # seconds between two looks
CALM_TICK = 0.005  # the same when no rider was needed for CALM_AFTER: a look takes the GIL
CALM_AFTER = 1.0  # seconds
LONG_AGO = 3 * CALM_TICK  # seconds between two looks that cannot be compared any more
ENOUGH = 16  # riders to look at, when there are many and they block
BLOCKING_FROM = 0.75  # the score where one request blocked at each of two looks, and none ran


class Monitor:
    """What was seen at the last looks, and what follows from it."""

    __slots__ = (
        "_all_run",
        "_blocked_score",
        "_fresh",
        "_gil",
        "_late",
        "_looked_at",
        "_sent_at",
        "_suspecting",
        "blocking",
        "crowded",
    )

    def __init__(self) -> None:
        # Asked when the application is loaded: one of its extensions may have enabled the GIL.
        self._gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        self.blocking = False
        """Whether requests tend to block rather than compute, judging by the last ones."""
        self.crowded = False
        """Whether one rider is to park; the one that does resets it."""
        self._suspecting = False  # whether the last look was the first to show all riders blocked
        self._all_run = False  # whether the last look showed every busy rider running
        self._late = False  # whether the next look comes after CALM_TICK
        # A decaying score: how many more requests blocked than ran.  Each look halves the past.
        self._blocked_score = 0.0
        self._fresh = 0  # riders that had just begun a request at the last look
        self._looked_at = 0.0
        self._sent_at = 0.0  # when another rider was last needed

    def begin(self, now: float) -> None:
        """Set the time of the start."""
        self._sent_at = now

    def pause(self, now: float, staffed: bool) -> float:
        """Return the seconds until the next look.

        When requests block, riders wake each other, and if the model is ``staffed`` (has parked
        riders, or all that it may have) the monitor need not start any.  Then looks come in pairs:
        two that are TICK apart show what becomes of requests, then there is a longer pause.
        """
        if self.blocking and staffed:
            self._late = not self._late
        else:
            self._late = self._all_run and now - self._sent_at > CALM_AFTER
        return CALM_TICK if self._late else TICK

    def look(self, riders: Sequence[Rider], now: float, led: bool = False) -> bool:
        """Tell whether to send another rider to the front; a request waits, or nobody polls.

        ``led``: a rider is at the front already, and does not block in the poll.
        """
        if self.blocking:
            riders = riders[:: len(riders) // ENOUGH + 1]  # a sample is enough
        sights = [rider.look(now) for rider in riders]
        self._learn(sights, now)
        kinds = set(sights)
        self._all_run = kinds <= {Sight.IDLE, Sight.RUNS}
        self.crowded = self._gil and self._all_run and sights.count(Sight.RUNS) > 1
        hogged = kinds - {Sight.IDLE, Sight.HALTS, Sight.BLOCKED} == {Sight.BURNS}
        runs = not kinds.isdisjoint({Sight.RUNS, Sight.BURNS})
        fresh = Sight.FRESH in kinds
        active = runs or (fresh and not self.blocking)  # the latter is a guess
        if led or (active and not hogged and self._gil):
            self._suspecting = False
            return False
        if not hogged and not self.blocking and not self._suspecting:
            # One look is not enough: the leader may be on its way to or from the poll, or the host
            # may have taken the core from this virtual machine.
            self._suspecting = True
            return False
        if not active and not fresh:  # all are blocked for certain
            self.blocking, self._blocked_score = True, max(self._blocked_score, 1.0)
        self._sent_at = now
        if hogged:
            for rider in riders:
                rider.forgive(now)  # else each of the next looks would send one more
        return True

    def _learn(self, sights: list[Sight], now: float) -> None:
        """Update ``blocking`` by what became of the requests that were fresh at the last look."""
        fresh, self._fresh = self._fresh, sights.count(Sight.FRESH)
        passed, self._looked_at = now - self._looked_at, now
        if self._late or passed > LONG_AGO:
            return  # too long a time: requests may have blocked and ended within it
        ran = sights.count(Sight.RUNS) + sights.count(Sight.BURNS)
        # If all of them block, as many halt as were fresh, and the score rises by half of that.
        # If half of them do, nothing is added, and where they have run or ended, it falls.
        blocked = sights.count(Sight.HALTS) - fresh / 2
        self._blocked_score = self._blocked_score / 2 + blocked - ran
        if self._blocked_score >= BLOCKING_FROM:
            self.blocking = True
        elif self._blocked_score < 0:
            self.blocking = False
