"""HTTP through memory that two processes share: `--bind shm:NAME`.

A client makes a file in memory with a ring for each way, and for each ring two named pipes as
bells: one says how many bytes were put in, the other how many were taken out.  So neither side
looks again and again, nor believes a number that the other could change under its eyes.

    /dev/shm/paceline-NAME/knock             the server's: a line with an id for each client
    /dev/shm/paceline-NAME/<id>.memory       both rings
    /dev/shm/paceline-NAME/<id>.request      a bell: bytes were put in;  <id>.request-taken
    /dev/shm/paceline-NAME/<id>.answer       the same for the other ring;  <id>.answer-taken
"""

import errno
import mmap
import os
import secrets
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from paceline.transport import fifo
from paceline.transport.fifo import Knocks, Pipes

REQUEST = "request", "request-taken"
ANSWER = "answer-taken", "answer"
MEMORY = "memory"
ROOM = 1 << 18  # bytes in each ring
COUNT = struct.Struct("=I")
COUNTS = 512  # of them read at once


class Ring:
    """One way: bytes in memory, counts by a pair of bells; used by one thread on either side."""

    def __init__(self, memory: memoryview, bells: Pipes) -> None:
        self._memory = memory
        self.bells = bells
        self._position = 0  # of all bytes ever
        self._free = ROOM  # to put into; for whoever sends
        self._there = 0  # to take out; for whoever receives
        self._held = b""  # the beginning of a count

    def send(self, data: bytes) -> None:
        """Put all in, piece by piece as there is room.  Raises OSError."""
        left = memoryview(data)
        while left:
            while not self._free:
                self._free = bounded(self._free + self._listen())
            start = self._position % ROOM
            size = min(len(left), self._free, ROOM - start)
            self._memory[start : start + size] = left[:size]
            self._position += size
            self._free -= size
            self.bells.write(COUNT.pack(size))
            left = left[size:]

    def receive(self) -> bytes:
        """Take out what is there; wait for it; nothing at the end.  Raises OSError."""
        try:
            while not self._there:
                self._there = bounded(self._listen())
        except BrokenPipeError:
            return b""
        start = self._position % ROOM
        data = bytes(self._memory[start : min(start + self._there, ROOM)])
        self._position += len(data)
        self._there -= len(data)
        try:
            self.bells.write(COUNT.pack(len(data)))
        except BrokenPipeError:
            pass  # the other side has said all, and gone
        return data

    def _listen(self) -> int:
        """Wait for the bell; the sum of what it says.  Raises OSError: EPIPE at its end."""
        heard = self.bells.read(COUNT.size * COUNTS)
        if not heard:
            raise BrokenPipeError(errno.EPIPE, "the bell rings no more")
        heard = self._held + heard
        whole = len(heard) - len(heard) % COUNT.size
        self._held = heard[whole:]
        return sum(count for (count,) in COUNT.iter_unpack(heard[:whole]))


def bounded(count: int) -> int:
    """Return a number of bytes in a ring.  Raises OSError where the other side cannot count."""
    if count > ROOM:
        raise OSError(errno.EPROTO, "more bytes than the ring has room for")
    return count


class SharedMemoryLink:
    """One client, seen from either side; one thread receives, another one sends."""

    def __init__(self, incoming: Ring, outgoing: Ring) -> None:
        self._bells = incoming.bells, outgoing.bells
        self.receive = incoming.receive
        self.send = outgoing.send
        self.end = outgoing.bells.end

    def abort(self) -> None:
        """Let the other thread's ``receive`` or ``send`` come back."""
        for bells in self._bells:
            bells.over = True

    def close(self) -> None:
        """Give everything back, once both threads are done."""
        for bells in self._bells:
            bells.close()


class Door:
    """Where clients come in."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for ending in (*REQUEST, *ANSWER, MEMORY):
            fifo.withdraw([*directory.glob(f"*.{ending}")])
        self._knocks = Knocks(directory)

    def __iter__(self) -> Iterator[SharedMemoryLink]:
        for name in self._knocks:
            try:
                yield self._take(name)
            except (OSError, ValueError):
                continue  # it has gone, or never was what it said
            finally:
                fifo.withdraw(files(self._directory, name))

    def close(self) -> None:
        """Let no more clients in, and give the directory back."""
        self._knocks.close()
        with suppress(OSError):
            self._directory.rmdir()

    def _take(self, name: str) -> SharedMemoryLink:
        requests, answers = mapped(self._directory / f"{name}.{MEMORY}", os.O_RDWR)
        asking = fifo.take(self._directory, name, *REQUEST)
        try:
            answering = fifo.take(self._directory, name, *ANSWER)
        except OSError:
            asking.close()
            raise
        return SharedMemoryLink(Ring(requests, asking), Ring(answers, answering))


def connect(directory: Path) -> SharedMemoryLink:
    """Return a client's end.  Raises OSError: ENOENT, ENXIO, ETIMEDOUT where nobody serves."""
    name = secrets.token_hex(16)
    try:
        requests, answers = mapped(
            directory / f"{name}.{MEMORY}", os.O_RDWR | os.O_CREAT | os.O_EXCL
        )
        asking = Ring(requests, fifo.offer(directory, name, *REQUEST))
        answering = Ring(answers, fifo.offer(directory, name, *ANSWER))
        fifo.knock(directory, name)
        asking.bells.await_greeting()
        answering.bells.await_greeting()
    except OSError:
        fifo.withdraw(files(directory, name))
        raise
    return SharedMemoryLink(incoming=answering, outgoing=asking)


def files(directory: Path, name: str) -> list[Path]:
    """Return all that a client has made."""
    return [directory / f"{name}.{ending}" for ending in (*REQUEST, *ANSWER, MEMORY)]


def mapped(path: Path, flags: int) -> tuple[memoryview, memoryview]:
    """Map a file's two rings, of which the first is for requests.  Raises OSError, ValueError."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        if flags & os.O_CREAT:
            os.ftruncate(descriptor, 2 * ROOM)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != 2 * ROOM:
            raise OSError(errno.EINVAL, "it has not the size of two rings", str(path))
        memory = memoryview(mmap.mmap(descriptor, 2 * ROOM))
    finally:
        os.close(descriptor)
    return memory[:ROOM], memory[ROOM:]
