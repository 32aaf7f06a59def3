"""HTTP through named pipes: `--bind pipe:DIR`.

A client makes two pipes in the directory, one for what it says and one for what it is told, and
writes their id into the server's own pipe.  The server opens both and removes their names, so that
they belong to these two alone and end with them, and greets the client by a byte.

    DIR/knock               the server's: a line with an id for each client
    DIR/<id>.request        bytes from the client
    DIR/<id>.answer         bytes to the client
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

from paceline.transport import fifo
from paceline.transport.fifo import Knocks, Pipes

NAMES = "request", "answer"
SIZE = 1 << 16  # bytes that a pipe of Linux holds


class PipeLink:
    """One client, seen from either side; ``receive`` and ``send`` block."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self.send = pipes.write
        self.end = pipes.end
        self.close = pipes.close

    def receive(self) -> bytes:
        """Return some bytes; none at the end."""
        return self._pipes.read(SIZE)

    def abort(self) -> None:
        """Let the other thread's ``receive`` or ``send`` come back."""
        self._pipes.over = True


class Door:
    """Where clients come in."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        fifo.withdraw([path for name in NAMES for path in directory.glob(f"*.{name}")])
        self._knocks = Knocks(directory)
        self.close = self._knocks.close

    def __iter__(self) -> Iterator[PipeLink]:
        for name in self._knocks:
            try:
                yield PipeLink(fifo.take(self._directory, name, *NAMES))
            except OSError:
                continue  # it has gone, or never was what it said


def connect(directory: Path) -> PipeLink:
    """Return a client's end.  Raises OSError: ENOENT, ENXIO, ETIMEDOUT where nobody serves."""
    name = secrets.token_hex(16)
    try:
        pipes = fifo.offer(directory, name, *NAMES)
        fifo.knock(directory, name)
        pipes.await_greeting()
    except OSError:
        fifo.withdraw([directory / f"{name}.{each}" for each in NAMES])
        raise
    return PipeLink(pipes)
