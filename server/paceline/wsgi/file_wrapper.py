"""``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling")."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from typing import IO, Any


class FileWrapper:
    """An iterable over a file's blocks, which the server may send without reading it."""

    def __init__(self, filelike: IO[bytes], blksize: int = 1 << 17) -> None:
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close: Callable[[], Any] = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        while block := self.filelike.read(self.blksize):
            yield block

    def regular_file(self) -> tuple[int, int, int] | None:
        """Return descriptor, offset and count of a regular file, None for anything else.

        Where reading is anything but reading the descriptor (a gzip file has one too, of what is
        still packed), it is not that file's bytes that the application means.
        """
        read = self.filelike.read
        raw = getattr(getattr(read, "__wrapped__", read), "__self__", None)
        file = raw.raw if isinstance(raw, io.BufferedReader | io.BufferedRandom) else raw
        if raw is None or type(file) is not io.FileIO:
            return None
        try:
            descriptor = raw.fileno()  # a body's file takes note of it
            status = os.fstat(descriptor)
            offset = raw.tell()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None  # an empty one may have much to read, as all in /proc have
        return descriptor, offset, max(status.st_size - offset, 0)
