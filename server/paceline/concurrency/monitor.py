"""What the adaptive model's monitor makes of the riders: whether another is to go to the front.

    a busy rider runs          another would only fight it for the GIL: none
    all busy ones are blocked  another, once two looks have seen it
    one has run for too long   another, so that the others' requests need not wait for its end
    one has just begun         what most did that had just begun at the looks before: wait, or run
    several run, none waits    one of them is to park: they do fight

No thread, clock or lock in here: the model says when to look, and does what is found.
"""

import sys
from collections.abc import Sequence

from paceline.concurrency.rider import Rider, Sight

TICK = 0.001  # seconds between two looks
CALM_TICK = 0.005  # the same where all is well, and was for CALM_AFTER: a look takes the GIL
CALM_AFTER = 1.0  # seconds
LONG_AGO = 3 * CALM_TICK  # seconds from a look to the next, which then cannot tell what became
ENOUGH = 16  # of many riders that wait, to tell whether they still do
ALIKE = 0.75  # one that waited at each of two looks, and none that got on


class Monitor:
    """Remembers what it saw at the last look."""

    __slots__ = (
        "_all_run",
        "_fresh",
        "_gil",
        "_late",
        "_looked_at",
        "_sent_at",
        "_suspecting",
        "_waits",
        "blocking",
        "crowded",
    )

    def __init__(self) -> None:
        # Asked once the application is loaded: an extension of its may have brought the GIL back.
        self._gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        self.blocking = False
        """Whether requests wait rather than burn, by what became of those before."""
        self.crowded = False
        """Whether one rider is to park; whoever does takes this back."""
        self._suspecting = False  # whether at the last look nobody got on, for the first time
        self._all_run = False  # whether at the last look every busy rider ran for sure
        self._late = False  # whether it takes its time until the next look
        # How many more waited than got on.  Each look halves what the looks before it showed.
        self._waits = 0.0
        self._fresh = 0  # how many riders had just begun something at the last look
        self._looked_at = 0.0
        self._sent_at = 0.0  # when it last wanted somebody at the front

    def begin(self, now: float) -> None:
        """Take note of the time of the start."""
        self._sent_at = now

    def pause(self, now: float, staffed: bool) -> float:
        """Return how many seconds may pass until the next look.

        Where requests wait, riders call each other to the front, and if the model is ``staffed`` no
        other needs to be started.  Then every second look is late: two close to each other tell
        what becomes of requests.
        """
        if self.blocking and staffed:
            self._late = not self._late
        else:
            self._late = self._all_run and now - self._sent_at > CALM_AFTER
        return CALM_TICK if self._late else TICK

    def look(self, riders: Sequence[Rider], now: float, led: bool = False) -> bool:
        """Tell whether to send another rider to the front; a request waits, or nobody polls.

        ``led``: one is there, and does not wait.
        """
        if self.blocking:
            riders = riders[:: len(riders) // ENOUGH + 1]
        seen = [rider.look(now) for rider in riders]
        sights = set(seen)
        self._learn(seen, now)
        self._all_run = sights <= {Sight.IDLE, Sight.RUNS}
        self.crowded = self._gil and self._all_run and seen.count(Sight.RUNS) > 1
        hogged = sights - {Sight.IDLE, Sight.HALTS, Sight.BLOCKED} == {Sight.BURNS}
        active = not sights.isdisjoint({Sight.RUNS, Sight.BURNS})
        if Sight.FRESH in sights:
            active |= not self.blocking  # a guess, by what was seen last
        if led or (active and not hogged and self._gil):
            self._suspecting = False
            return False
        if not hogged and not self.blocking and not self._suspecting:
            # Once is not enough: the leader may be on its way to or from the poll, or the host may
            # have taken this machine's core away.
            self._suspecting = True
            return False
        if not active and Sight.FRESH not in sights:  # seen, not guessed
            self.blocking, self._waits = True, max(self._waits, 1.0)
        self._sent_at = now
        if hogged:
            for rider in riders:
                rider.forgive(now)  # one more rider for each such time
        return True

    def _learn(self, seen: list[Sight], now: float) -> None:
        """Take note of what became of the requests that the last look saw begin."""
        fresh, self._fresh = self._fresh, seen.count(Sight.FRESH)
        passed, self._looked_at = now - self._looked_at, now
        if self._late or passed > LONG_AGO:
            return
        got_on = seen.count(Sight.RUNS) + seen.count(Sight.BURNS)
        # Where all wait, as many halt as were fresh; where half of them do, nobody can tell.
        self._waits = self._waits / 2 + seen.count(Sight.HALTS) - fresh / 2 - got_on
        if self._waits >= ALIKE:
            self.blocking = True
        elif self._waits < 0:
            self.blocking = False
