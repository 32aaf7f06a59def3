"""What request bodies take of the disk: temporary files, bounded all together.

To free a large file takes the kernel milliseconds: about 10 for 50 MB.  Where a model says that it
frees them piecemeal, a closed file keeps its descriptor until the last piece of it is gone, and
others are served between two pieces.
"""

import contextlib
import errno
import io
import os
import tempfile
import threading
from collections import deque

PIECE = 1 << 20
"""Bytes that are freed at a time: 0.1 ms or so."""


class Disk:
    """What all bodies of a process may take of the disk together, in bytes; 0: no bound."""

    def __init__(self, bound: int = 0) -> None:
        self._bound = bound
        self._lock = threading.Lock()
        self._freeing = threading.Lock()
        self.used = 0
        self.piecemeal = False
        """Whether somebody calls ``free_piece`` as long as there are leftovers."""
        self.leftovers: deque[tuple[int, int]] = deque()
        """Descriptors of files that were closed, each with its bytes of ``used``."""

    def take(self, count: int) -> None:
        """Take some.  Raises OSError where that is more than there may be."""
        while not self._take(count):
            if not self.free_piece():
                raise OSError(errno.EDQUOT, f"bodies take more than {self._bound} bytes of disk")

    def _take(self, count: int) -> bool:
        with self._lock:
            if self._bound and self.used + count > self._bound:
                return False
            self.used += count
            return True

    def give_back(self, count: int) -> None:
        """Give some back."""
        with self._lock:
            self.used -= count

    def free_piece(self) -> bool:
        """Free the next piece of what is left over; tell whether there was any."""
        with self._freeing:
            if not self.leftovers:
                return False
            descriptor, taken = self.leftovers.popleft()
            left = 0
            with contextlib.suppress(OSError):  # it is freed as a whole, then
                left = max(0, os.fstat(descriptor).st_size - PIECE)
                os.ftruncate(descriptor, left)
            if left:
                self.leftovers.appendleft((descriptor, min(taken, left)))
            else:
                os.close(descriptor)
        self.give_back(max(0, taken - left))
        return True


class BodyFile(io.BufferedRandom):
    """A temporary file without a name: it is gone once it is closed, by whomever."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._taken = 0
        self._lent = False
        super().__init__(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115

    def fileno(self) -> int:
        """Return the descriptor, which whoever asks may use longer than this file is open.

        An answer that is sent from it does, a process that it is given to, a map of its memory.
        """
        self._lent = True
        return super().fileno()

    def take(self, content: bytes) -> None:
        """Add what arrived.  Raises OSError where there is no room."""
        self._disk.take(len(content))
        self._taken += len(content)
        self.write(content)

    def close(self) -> None:
        """Close, and give the room back, or leave that to whoever frees it piecemeal."""
        taken, self._taken = self._taken, 0
        leftover = None
        if taken > PIECE and self._disk.piecemeal and not self._lent:
            with contextlib.suppress(OSError):  # no descriptor is left: all at once, then
                leftover = os.dup(super().fileno())
        try:
            super().close()
        finally:
            if leftover is None:
                self._disk.give_back(taken)
            else:
                self._disk.leftovers.append((leftover, taken))
