"""Where nginx's lines come in: a Unix datagram socket, read at once and always.

nginx never waits: a line that finds no room is lost, and on most systems a socket has room for ten
(net.unix.max_dgram_qlen).  A worker that works on something else for 20 ms would lose some, and at
a reload there may be none for a while.  So a thread of the supervisor, which has nothing else to
do, takes them all over into a pair of sockets.  That has room for a thousand, since the bound holds
for sockets alone that are not each other's peers, and is there for whichever workers there are.
"""

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("lab.console")

MAX_LINE = 65536
ROOM = 4 << 20
"""Bytes of lines that wait for a worker; the system may grant less."""


class Relay:
    """In the supervisor: ``open()`` it before any worker is forked."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lines: socket.socket | None = None
        self._from_relay, self._to_workers = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._to_workers.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)

    @property
    def end(self) -> socket.socket:
        """What workers read from."""
        return self._from_relay

    def open(self, path: Path) -> None:
        """Listens.  Raises OSError: EADDRINUSE where another does, or where no socket is."""
        take_over(path)
        lines = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        lines.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        lines.bind(str(path))
        path.chmod(0o777)  # nginx's workers are another user's, and ask by -x whether it is there
        self._path, self._lines = path, lines
        threading.Thread(target=self._run, name="nginx-relay", daemon=True).start()

    def close(self) -> None:
        """Takes the socket away."""
        if self._path:
            with suppress(OSError):
                self._path.unlink()

    def _run(self) -> None:
        # Holds no lock while a worker is forked: nothing here but calls of the system.
        assert self._lines is not None
        buffer = bytearray(MAX_LINE)
        view = memoryview(buffer)
        while True:
            size = self._lines.recv_into(buffer)
            with suppress(OSError):  # too long for what the system granted: this one is lost
                self._to_workers.send(view[:size])


def take_over(path: Path) -> None:
    """Removes a socket that nobody reads any more.  Raises OSError where somebody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if path.is_socket():
                path.unlink(missing_ok=True)
                return
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EEXIST), str(path)) from None
    raise OSError(errno.EADDRINUSE, "another collector reads it", str(path))


class Reader:
    """In a worker: hands each line to ``take``, in a thread of its own."""

    def __init__(self, end: socket.socket, take: Callable[[bytes], None]) -> None:
        self._end = end
        self._take = take
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="nginx-reader", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._end.settimeout(0.2)  # so that it notices the end
        self._thread.start()

    def stop(self) -> None:
        """Returns when the line at hand is done; the others are the next worker's."""
        self._stopping = True
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping:
            try:
                line = self._end.recv(MAX_LINE)
            except TimeoutError:
                continue
            try:
                self._take(line)
            except Exception:
                log.exception("a line of nginx is lost")


RELAY = Relay()
"""Outlives a reload, at which the configuration is run anew."""
