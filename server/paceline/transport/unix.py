"""Unix sockets: the same stream, addressed by a path, kept by its permissions."""

import errno
import os
import socket
import stat

from paceline.transport.base import Connection, Listener


class UnixListener(Listener):
    """Accepts connections on a path and removes the path when it is closed."""

    def __init__(self, sock: socket.socket, path: str) -> None:
        super().__init__(sock, f"unix:{path}")
        self.path = path
        self._owner = os.getpid()  # a worker that ends must not take the path away
        self._made = _identity(path)

    def take_no_more(self) -> None:
        """See the base: connecting is refused, and the queue stays."""
        if not self.shared:
            self.socket.shutdown(socket.SHUT_RD)

    def accept(self) -> Connection:
        """Return the next connection."""
        sock, _ = self.socket.accept()
        sock.setblocking(False)
        return self.connection(sock, ("", ""))

    def hand_on(self) -> None:
        """Leave the path to another process."""
        self._owner = 0

    def take_back(self) -> None:
        """Remove the path oneself again."""
        self._owner = os.getpid()

    def close(self) -> None:
        """Stop listening, and remove the path where this process made it."""
        super().close()
        if os.getpid() == self._owner and _identity(self.path) == self._made:
            _unlink(self.path)  # it is still this one, not a successor's


def listen(path: str, backlog: int, umask: int | None = None) -> UnixListener:
    """Bind and listen on ``path``; a socket that nobody serves any more is replaced.

    ``umask`` decides who may connect.  Raises OSError: EADDRINUSE where somebody serves it or
    where the path is not a socket.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(umask) if umask is not None else None
    try:
        sock.bind(path)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    finally:
        if before is not None:
            os.umask(before)
    return UnixListener(sock, path)


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EADDRINUSE, "a file that is not a socket is there", path)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            _unlink(path)
        else:
            raise OSError(errno.EADDRINUSE, "another server serves it", path)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
