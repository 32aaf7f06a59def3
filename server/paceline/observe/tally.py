"""A count that any thread may add to."""

import itertools


class Tally:
    """Counts in one step that no thread can interrupt; read by one thread alone."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._reads = 0

    def add(self, exchange: object) -> None:
        """Count one; takes what a hook is given."""
        next(self._numbers)

    def read(self) -> int:
        """Return how many were counted.  A read counts too, and is taken off again."""
        self._reads += 1
        return next(self._numbers) - self._reads + 1
