"""``wsgi.input``: a request's body, whole before the application is called.

So the application reads as from a file, at its own pace, and never waits for a client; a body
that was cut short never reaches it; and a chunked one has its length like any other.
"""

import contextlib
import io
from typing import IO

from paceline.wsgi.disk import BodyFile, Disk

AHEAD = 8
"""How much memory a body is given for each byte that has come of it, where it is to be longer."""


class BodyStore:
    """Collects a body in memory and, past ``in_memory`` bytes, in a temporary file.

    ``expected`` is how long it will be, 0 where nobody said.
    """

    __slots__ = ("_disk", "_expected", "_file", "_in_memory", "_room", "length")

    def __init__(self, in_memory: int, disk: Disk, expected: int = 0) -> None:
        self._in_memory = in_memory
        self._expected = expected
        self._room = 0  # bytes of memory that the file has
        self._disk = disk
        self._file: io.BytesIO | BodyFile = io.BytesIO()
        self.length = 0

    def write(self, content: bytes) -> None:
        """Add what arrived.  Raises OSError where the disk is full."""
        before, self.length = self.length, self.length + len(content)
        file = self._file
        if isinstance(file, BodyFile):
            file.take(content)
        elif self.length <= self._in_memory:
            if before and self.length > self._room:
                self._make_room(file, before)
            file.write(content)
        else:
            self._file = on_disk = BodyFile(self._disk)
            on_disk.take(file.getvalue()[:before])
            on_disk.take(content)

    def _make_room(self, file: io.BytesIO, before: int) -> None:
        """Take memory for more than has come, or it would be moved with every other piece.

        Not for all that was announced: a client that announces much may send nothing.
        """
        in_memory = self._in_memory
        self._room = min(AHEAD * self.length, self._expected or in_memory, in_memory)
        file.seek(self._room - 1)
        file.write(b"\0")
        file.seek(before)

    def finish(self) -> IO[bytes]:
        """Return the body as a file that stands at its beginning.  Raises as ``write`` does."""
        if self._room > self.length and isinstance(self._file, io.BytesIO):
            self._file.truncate(self.length)
        self._file.seek(0)
        return self._file

    def discard(self) -> None:
        """Forget what was collected."""
        with contextlib.suppress(OSError):  # a full disk, once more; the file is gone all the same
            self._file.close()
