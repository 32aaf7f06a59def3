"""What became of the exchanges of one worker, counted; any thread may add."""

import threading
import time
from bisect import bisect_left
from typing import Any, Protocol

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper bounds of a histogram's buckets, of which the last has none."""


class Histogram:
    """How many took how long; locked by whoever has it."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def read(self) -> dict[str, Any]:
        """Return counts by bucket, not yet added up, and the sum of all seconds."""
        return {"buckets": [*self.buckets], "sum": round(self.sum, 6)}


class Timed(Protocol):
    """What is counted."""

    status: str
    ready_at: float
    """When its bytes were ready to be read (``time.monotonic()``)."""
    queue: float
    """Seconds from then until a thread had them."""
    waited: float | None
    """Seconds from the moment that a trusted proxy sent it until then; None: not known."""
    recorded: bool
    """Whether it was logged and counted already."""


class Tally:
    """See the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._durations = Histogram()
        self._queue = Histogram()
        self._waited = Histogram()
        self._failed = 0
        self._refused = 0

    def add(self, exchange: Timed) -> None:
        """Count one that is over."""
        if exchange.recorded:
            return
        took = time.monotonic() - exchange.ready_at
        failed = exchange.status.startswith("5")
        with self._lock:
            self._durations.add(took)
            self._queue.add(exchange.queue)
            if exchange.waited is not None:
                self._waited.add(exchange.waited)
            self._failed += failed

    def refuse(self) -> None:
        """Count a request that the application never saw."""
        with self._lock:
            self._refused += 1

    def read(self) -> dict[str, Any]:
        """Return everything."""
        with self._lock:
            return {
                "requests": sum(self._durations.buckets),
                "failed": self._failed,
                "refused": self._refused,
                "duration": self._durations.read(),
                "queue_time": self._queue.read(),
                "since_proxy": self._waited.read(),
            }
