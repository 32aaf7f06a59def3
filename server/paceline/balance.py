"""How many connections each worker has, where all workers see it: so that none takes too many.

Workers share their listening sockets, and the kernel tells all that wait of a new connection.  Who
wakes first would take it, and that is often the same one: of four workers one had no connection at
all while the others had five each, and kept connections, a proxy's above all, stay where they are.
So whoever has more than another leaves a new one to that, for a moment.
"""

import mmap
from math import inf
from struct import calcsize

YIELD = 0.02  # seconds for which a connection is left to a worker that has fewer
LOOK = 0.002  # seconds between two looks at whether it has taken it
INSIST = 0.001  # seconds for which none is left to others where that was in vain; then twice ...
INSIST_AT_MOST = 0.25  # ... as long each time, up to this: the other may be busy, or hang
SLOTS = 128
"""Workers at once, those that are leaving among them; one more is not seen by the others."""


class Board:
    """Made once, before the first fork."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, SLOTS * calcsize("d"))).cast("d")
        self._free = list(range(SLOTS))[::-1]
        for slot in self._free:
            self._cells[slot] = inf

    def place(self) -> "Place":
        """Return the place of a new worker; nobody else's, if there is one left."""
        slot = self._free.pop() if self._free else -1
        return Place(self._cells, slot)

    def leave(self, place: "Place") -> None:
        """Take a place back whose worker has ended, however it did."""
        if place.slot >= 0:
            self._cells[place.slot] = inf
            self._free.append(place.slot)


class Place:
    """One worker's; it alone writes there."""

    def __init__(self, cells: "memoryview[float]", slot: int) -> None:
        self._cells, self.slot = cells, slot
        self._yields_until = self._insists_until = 0.0
        self._insists = INSIST

    def say(self, connections: float) -> None:
        """Tell the others how many connections it has; infinitely many: it takes no more."""
        if self.slot >= 0:
            self._cells[self.slot] = connections

    def yields(self, connections: int, now: float) -> bool:
        """Tell whether to leave who connects to another that has fewer, and look again in LOOK."""
        if now < self._insists_until:
            return False
        if connections <= min(self._cells):
            self._yields_until, self._insists = 0.0, INSIST
            return False
        if 0 < self._yields_until <= now:
            self._yields_until, self._insists_until = 0.0, now + self._insists
            self._insists = min(2 * self._insists, INSIST_AT_MOST)
            return False
        self._yields_until = self._yields_until or now + YIELD
        return True
