"""Balances connections between workers, by a table of counts that all of them share.

Workers share their listening sockets, and the kernel wakes all that wait for a new connection.
The first to wake would accept it, and that is often the same worker each time: of four workers one
had no connection at all while the others had five each.  Connections that are kept open, as a
proxy's are, stay where they were accepted, so this does not even out by itself.

So each worker writes its number of connections into the table.  Before it accepts another it looks
at the table, and where some worker has fewer it stands back for up to YIELD seconds, to let that
one accept.  A worker that stood back in vain, because the other is busy or hangs, accepts for a
while without looking.
"""

import mmap
from math import inf
from struct import calcsize

YIELD = 0.02
"""Seconds for which a worker stands back, at most."""
LOOK = 0.002
"""Seconds after which a worker that stands back looks again whether the other has accepted."""
INSIST = 0.001
"""Seconds of accepting without looking, after standing back in vain; doubled each further time."""
INSIST_AT_MOST = 0.25
"""The bound of that."""
SLOTS = 128
"""Workers at once, including those that are ending; any more are not seen by the others."""


class Board:
    """The table, in shared memory; made once, before the first fork.  A free slot holds ``inf``."""

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, SLOTS * calcsize("d"))).cast("d")
        self._free = list(range(SLOTS))[::-1]
        for slot in self._free:
            self._cells[slot] = inf

    def place(self) -> "Place":
        """Return a slot for a new worker, or slot -1, which is never written, if all are taken."""
        slot = self._free.pop() if self._free else -1
        return Place(self._cells, slot)

    def leave(self, place: "Place") -> None:
        """Free the slot of a worker that has ended, however it did."""
        if place.slot >= 0:
            self._cells[place.slot] = inf
            self._free.append(place.slot)


class Place:
    """One worker's slot, which it alone writes, and its view of the others'."""

    def __init__(self, cells: "memoryview[float]", slot: int) -> None:
        self._cells, self.slot = cells, slot
        self._yields_until = self._insists_until = 0.0
        self._insists = INSIST

    def say(self, connections: float) -> None:
        """Tell the others how many connections this worker has; ``inf``: it accepts no more."""
        if self.slot >= 0:
            self._cells[self.slot] = connections

    def yields(self, connections: int, now: float) -> bool:
        """Tell whether to stand back now, and to ask again in LOOK seconds."""
        if now < self._insists_until:
            return False
        if connections <= min(self._cells):  # nobody has fewer
            self._yields_until, self._insists = 0.0, INSIST
            return False
        if 0 < self._yields_until <= now:  # in vain: the other did not accept
            self._yields_until, self._insists_until = 0.0, now + self._insists
            self._insists = min(2 * self._insists, INSIST_AT_MOST)
            return False
        self._yields_until = self._yields_until or now + YIELD
        return True
