"""The requests that a worker is serving, in memory that it shares with its supervisor.

It is read when the worker cannot speak for itself: it hangs in C code that holds the GIL, or the
kernel has killed it.  The worker's heartbeat renews it once a second, so requests pay nothing for
it.  A request that takes the GIL for good within that second is not in it; but its stack is logged.
"""

import mmap
import struct
import time
from collections.abc import Sequence

_HEAD = struct.Struct("dI")
_SIZE = 1 << 14  # bytes; a request line that does not fit any more is left out


class Note:
    """Made before the fork; the worker writes, the supervisor reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    def write(self, lines: Sequence[str]) -> None:
        """Put these in place of what it said; in one copy, so that it never says half of both."""
        text = b""
        for line in lines:
            more = line.encode("utf-8", "backslashreplace") + b"\n"
            if _HEAD.size + len(text) + len(more) <= _SIZE:
                text += more
        note = _HEAD.pack(time.monotonic(), len(text)) + text
        self._memory[: len(note)] = note

    def read(self) -> tuple[float, list[str]]:
        """Return when that was (``time.monotonic()``), and the lines."""
        at, length = _HEAD.unpack(self._memory[: _HEAD.size])
        text = self._memory[_HEAD.size : _HEAD.size + length]
        return at, text.decode("utf-8", "replace").splitlines()

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
