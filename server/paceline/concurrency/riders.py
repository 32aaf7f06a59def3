"""The thread pool of the adaptive model: grows when the monitor asks, shrinks after REST."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from paceline.concurrency.rider import Rider

log = logging.getLogger("paceline.error")

STARVED_AFTER = 1.0  # seconds in which requests wait and no rider begins one
REST = 5.0  # seconds after which a rider that stayed parked ends
RETRY = 1.0  # seconds until the next attempt, when the system refused a thread


class Riders:
    """All threads that serve.  Each runs ``ride``; only the main thread calls the methods.

    ``parked`` is also used by riders: they park, and wake each other.
    """

    def __init__(self, limit: int, ride: Callable[[Rider], object]) -> None:
        self.limit = limit
        self.all: list[Rider] = []
        self.parked: deque[Rider] = deque()
        """Those that wait for ``wake``; whoever takes one out must release that."""
        self._ride = ride
        self._begun = 0  # riders ever started; for their names
        self._start_after = 0.0  # not to be tried before, since the system refused a thread
        self._refused = False  # whether the system refused at the last attempt
        self._turns = 0  # of all riders, at the last look
        self._progress_at = 0.0  # when that last changed, or a rider could still be added
        self._unneeded = 0  # riders that have stayed parked since the last dismissal
        self._dismiss_at = 0.0  # when those are to end

    def send_one(self, now: float) -> bool:
        """Wake a parked rider, or start one; tell whether that could be done."""
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
        """Turns that the present riders have had."""
        return sum(rider.turn for rider in self.all)

    @property
    def exhausted(self) -> bool:
        """Whether no rider can be added."""
        return len(self.all) >= self.limit or self._refused

    def starved(self, now: float) -> bool:
        """Tell whether all threads have been blocked for STARVED_AFTER, and none can be added.

        To be called at each look while requests wait; at the others, ``made_progress``.
        """
        turns = self.turns
        if turns != self._turns or self.parked or not self.exhausted:
            self._turns, self._progress_at = turns, now
        return now - self._progress_at > STARVED_AFTER

    def made_progress(self, now: float) -> None:
        """Note that a rider polls and no request waits."""
        self._progress_at = now

    def _run(self, started: threading.Event) -> None:
        me = Rider()
        self.all.append(me)
        started.set()
        self._ride(me)
        self.all.remove(me)

    def dismiss_unneeded(self, now: float) -> None:
        """End as many riders as have stayed parked for all of REST.  To be called at each look."""
        self._unneeded = min(self._unneeded, len(self.parked))
        if now < self._dismiss_at:
            return
        for _ in range(self._unneeded):
            with contextlib.suppress(IndexError):
                rider = self.parked.popleft()  # the one parked longest; the last is woken first
                rider.dismissed = True
                rider.wake.release()
        self._dismiss_at = now + REST
        self._unneeded = len(self.parked)

    def wake_all(self) -> None:
        """Wake all that are parked, so that they see that the model has finished."""
        while self.parked:
            self.parked.pop().wake.release()
