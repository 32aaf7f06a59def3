"""Named pipes: bytes one way each, addressed by paths; pipe.py and shared_memory.py use them."""

import errno
import os
import re
import select
import stat
import time
from collections.abc import Iterator
from pathlib import Path

ID = re.compile(r"[0-9a-f]{32}")
KNOCK = "knock"
"""The pipe into which clients write their ids, a line each, which a pipe never mixes up."""
GREETING = b"\n"
PATIENCE = 30.0  # seconds for the other side to take something
GLANCE = 1.0  # seconds between two looks at whether it still matters


class Pipes:
    """A pair of open pipes, to read from and to write to; one thread for each way."""

    def __init__(self, reading: int, writing: int) -> None:
        """Of two descriptors, which are this object's from now on."""
        self._reading = reading
        self._writing = writing
        self.over = False
        """Set by whoever wants ``read`` to come back."""
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(reading, select.POLLIN)
        self._writable.register(writing, select.POLLOUT)

    def read(self, size: int) -> bytes:
        """Return what is there, at most so much; wait for it; nothing at the end."""
        while not self.over:
            if self._readable.poll(GLANCE * 1000):
                try:
                    return os.read(self._reading, size)
                except BlockingIOError:
                    continue
        return b""

    def write(self, data: bytes | memoryview) -> None:
        """Write all.  Raises OSError: EPIPE where nobody reads, ETIMEDOUT where nobody goes on."""
        left = memoryview(data)
        give_up = time.monotonic() + PATIENCE
        while left:
            try:
                left = left[os.write(self._writing, left) :]
                give_up = time.monotonic() + PATIENCE
            except BlockingIOError:
                if time.monotonic() > give_up or self.over:
                    raise TimeoutError(errno.ETIMEDOUT, "nothing is taken any more") from None
                self._writable.poll(GLANCE * 1000)

    def await_greeting(self) -> None:
        """Wait until the server has opened the pipes: what was written before would be lost.

        Raises OSError: ETIMEDOUT.
        """
        if not self._readable.poll(PATIENCE * 1000) or os.read(self._reading, 1) != GREETING:
            raise TimeoutError(errno.ETIMEDOUT, f"no server has come within {PATIENCE:g} s")

    def end(self) -> None:
        """Let the other side see the end."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def close(self) -> None:
        """Close both; for the thread that reads, once the other is done."""
        self.end()
        os.close(self._reading)


def offer(directory: Path, name: str, to_server: str, from_server: str) -> Pipes:
    """Make a client's pair of pipes, with its id and these endings.  Raises OSError."""
    paths = [directory / f"{name}.{each}" for each in (to_server, from_server)]
    for path in paths:
        os.mkfifo(path, 0o600)
    # The first for both ways, so that opening it does not wait for the server; that sees its end
    # all the same, when this process has gone.
    writing = os.open(paths[0], os.O_RDWR | os.O_NONBLOCK)
    reading = os.open(paths[1], os.O_RDONLY | os.O_NONBLOCK)
    return Pipes(reading, writing)


def knock(directory: Path, name: str) -> None:
    """Tell the server that somebody is there.  Raises OSError: ENXIO, ENOENT: it is not there."""
    descriptor = os.open(directory / KNOCK, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(descriptor, f"{name}\n".encode())
    finally:
        os.close(descriptor)


def take(directory: Path, name: str, from_client: str, to_client: str) -> Pipes:
    """Open a client's pair of pipes in the server, and remove their names: a crash leaves nothing.

    Raises OSError: ENXIO where the client has gone.
    """
    paths = [directory / f"{name}.{each}" for each in (from_client, to_client)]
    try:
        reading = _open(paths[0], os.O_RDONLY)
        try:
            writing = _open(paths[1], os.O_WRONLY)
            os.write(writing, GREETING)
        except OSError:
            os.close(reading)
            raise
        return Pipes(reading, writing)
    finally:
        withdraw(paths)


def _open(path: Path, flags: int) -> int:
    """Open a pipe and nothing else, whatever a client has put in its place."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no pipe", str(path))
    return descriptor


def withdraw(paths: list[Path]) -> None:
    """Remove files that may have gone already."""
    for path in paths:
        path.unlink(missing_ok=True)


class Knocks:
    """The server's end of KNOCK: the ids of clients, in their order."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / KNOCK
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path, 0o600)
        # For both ways, so that it does not end when the last client closes it.
        self._descriptor = os.open(self._path, os.O_RDWR)
        self._made = os.fstat(self._descriptor).st_ino

    def __iter__(self) -> Iterator[str]:
        held = b""
        while True:
            *lines, held = (held + os.read(self._descriptor, 4096)).split(b"\n")
            held = held[-64:]  # no id is as long; what is none ends with the next line
            for line in lines:
                name = line.decode("ascii", "replace")
                if ID.fullmatch(name):
                    yield name

    def close(self) -> None:
        """Let no more clients in."""
        try:
            if self._path.stat().st_ino == self._made:
                self._path.unlink()
        except FileNotFoundError:
            pass
