"""``wsgi.input``: a request's body, whole before the application is called.

So the application reads as from a file, at its own pace, and never waits for a client; a body
that was cut short never reaches it; and a chunked one has its length like any other.
"""

import contextlib
import tempfile
from typing import IO


class BodyStore:
    """Collects a body in memory and, past ``in_memory`` bytes, in a temporary file."""

    __slots__ = ("_file",)

    def __init__(self, in_memory: int) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(in_memory or 1)  # noqa: SIM115

    def write(self, content: bytes) -> None:
        """Add what arrived.  Raises OSError where the disk is full."""
        self._file.write(content)

    def finish(self) -> IO[bytes]:
        """Return the body as a file that stands at its beginning."""
        self._file.seek(0)
        return self._file

    def discard(self) -> None:
        """Forget what was collected."""
        with contextlib.suppress(OSError):  # a full disk, once more; the file is gone all the same
            self._file.close()
