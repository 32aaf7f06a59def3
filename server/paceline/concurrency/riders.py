"""The riders of the adaptive model: started where one is needed, ended where none is."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from paceline.concurrency.rider import Rider

log = logging.getLogger("paceline.error")

HELD_UP = 1.0  # seconds in which no rider took anything up, after which that is said
REST = 5.0  # seconds for which nobody needed a rider, after which it ends
RETRY = 1.0  # seconds until a thread is asked for again that the system refused


class Riders:
    """All threads that serve.  Each runs ``ride``; the monitor alone calls what is in here."""

    def __init__(self, limit: int, ride: Callable[[Rider], object]) -> None:
        self.limit = limit
        self.all: list[Rider] = []
        self.parked: deque[Rider] = deque()
        """Those that wait for ``wake``; whoever takes one out wakes it."""
        self._ride = ride
        self._begun = 0  # riders that there have ever been
        self._start_after = 0.0  # when the system refused a thread, it is asked again later
        self._refused = False  # whether it did the last time
        self._turns = 0  # of all riders ...
        self._moved_at = 0.0  # ... when that last changed, or one more could be had
        self._unneeded = 0  # parked all the time since ...
        self._rest_over = 0.0  # ... REST before this

    def send(self, now: float) -> bool:
        """Send one to the front; tell whether there was one to send."""
        try:
            self.parked.pop().wake.release()
        except IndexError:
            return len(self.all) < self.limit and now >= self._start_after and self.start()
        return True

    def start(self) -> bool:
        """Start one more; False where the system refuses, RuntimeError where it is the first."""
        self._begun += 1
        started = threading.Event()
        name = f"rider-{self._begun}"
        rider = threading.Thread(target=self._run, name=name, args=(started,), daemon=True)
        try:
            rider.start()
        except RuntimeError as error:  # a limit of the system, such as a container's
            if not self.all:
                raise
            log.error("No more than %d threads for now: %s", len(self.all), error)
            self._start_after = time.monotonic() + RETRY
            self._refused = True
            return False
        self._refused = False
        started.wait()
        return True

    @property
    def turns(self) -> int:
        """How many turns those had that there are."""
        return sum(rider.turn for rider in self.all)

    @property
    def exhausted(self) -> bool:
        """Whether none can be added."""
        return len(self.all) >= self.limit or self._refused

    def held_up(self, now: float) -> bool:
        """Tell, at looks while requests wait, whether no thread gets on and none can be added."""
        turns = self.turns
        if turns != self._turns or self.parked or not self.exhausted:
            self._turns, self._moved_at = turns, now
        return now - self._moved_at > HELD_UP

    def on_the_move(self, now: float) -> None:
        """Take note that somebody polls, and nothing waits."""
        self._moved_at = now

    def _run(self, started: threading.Event) -> None:
        me = Rider()
        self.all.append(me)
        started.set()
        self._ride(me)
        self.all.remove(me)

    def dismiss_unneeded(self, now: float) -> None:
        """To be called at each look: let those end that were parked for all of REST."""
        self._unneeded = min(self._unneeded, len(self.parked))
        if now < self._rest_over:
            return
        for _ in range(self._unneeded):
            with contextlib.suppress(IndexError):
                rider = self.parked.popleft()  # the one that has rested longest
                rider.dismissed = True
                rider.wake.release()
        self._rest_over = now + REST
        self._unneeded = len(self.parked)

    def wake_all(self) -> None:
        """Wake those that are parked."""
        while self.parked:
            self.parked.pop().wake.release()
