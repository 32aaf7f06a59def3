"""File descriptors: how many connections they allow, and what to do when none is left.

A connection takes one, and the application needs some for its files and its database.  OTHERS are
reserved for those, so that EMFILE comes only if the application itself uses up more.
"""

import logging
import os
import resource
import socket

from paceline.transport import Listener

log = logging.getLogger("paceline.error")

OTHERS = 256  # descriptors not for connections: the application's, and one of each thread
TURNED_AWAY_IN_A_ROW = 16
ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def make_room(connections: int) -> int:
    """Raise the soft limit as far as needed and allowed; return how many connections that allows.

    No further than needed: select() cannot handle descriptors above 1023, and the application may
    call it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if allowed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == needed:
        return connections
    room = max(allowed - OTHERS, allowed // 2)
    log.warning(
        "worker_connections=%d needs %d descriptors, and %d are allowed (ulimit -Hn): %d at most",
        *(connections, needed, allowed, room),
    )
    return room


class Spare:
    """A descriptor kept in reserve, to tell clients that there is none left for them."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._take()

    def _take(self) -> None:
        try:
            self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1

    def close(self) -> None:
        """Keep it no longer."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def turn_away(self, listener: Listener) -> bool:
        """Answer 503 to some who wait to be accepted; False where even that cannot be done.

        Left in the backlog they would wait for nobody knows how long, and a proxy would not know
        that it had better ask another server.
        """
        if self._descriptor < 0:
            self._take()
        for _ in range(TURNED_AWAY_IN_A_ROW):
            if self._descriptor < 0:
                return False
            os.close(self._descriptor)
            self._descriptor = -1
            try:
                sock, _ = listener.socket.accept()
            except BlockingIOError:
                self._take()
                return True
            except OSError:
                return False
            with sock:
                _refuse(sock, listener.secure)
            self._take()
        return True


def _refuse(sock: socket.socket, secure: bool) -> None:
    """Send the answer and close; what has come is read, or the end would be a reset."""
    sock.setblocking(False)
    try:
        if not secure:
            sock.send(ANSWER)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1 << 16)
    except OSError:
        pass  # it has said nothing yet, or is gone
