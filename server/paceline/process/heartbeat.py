"""A worker's sign of life, in memory that it shares with its supervisor.

A few bytes of an anonymous map: no file to create, nothing to clean up, and a beat is one
store.  The clock is the machine's monotonic one, which both processes read alike.
"""

import mmap
import time
from struct import calcsize

_LAST, _READY, _TIRED, _LEAVING = range(4)


class Heartbeat:
    """Made before the fork; the worker beats, the supervisor reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 4 * calcsize("d"))
        self._cells = memoryview(self._memory).cast("d")
        self.beat()

    def beat(self) -> None:
        """Say: still there.  Starting counts from the moment of the fork."""
        self._cells[_LAST] = time.monotonic()

    def say_ready(self) -> None:
        """Say: the application is loaded, requests are being taken."""
        self.beat()
        self._cells[_READY] = 1.0

    def say_tired(self) -> None:
        """Say: another is to serve in its place, until when it goes on."""
        self._cells[_TIRED] = 1.0

    def say_leaving(self) -> None:
        """Say: no more requests are being taken, those in flight are being finished."""
        self._cells[_LEAVING] = 1.0

    @property
    def last(self) -> float:
        """When the worker last beat, in seconds of ``time.monotonic()``."""
        return self._cells[_LAST]

    @property
    def ready(self) -> bool:
        return self._cells[_READY] != 0

    @property
    def tired(self) -> bool:
        return self._cells[_TIRED] != 0

    @property
    def leaving(self) -> bool:
        return self._cells[_LEAVING] != 0

    def close(self) -> None:
        self._cells.release()
        self._memory.close()
