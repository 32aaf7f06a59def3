"""A socket that whoever started this process has bound already, by its descriptor."""

import errno
import os
import socket

from paceline.transport.base import Listener
from paceline.transport.tcp import TCPListener, describe
from paceline.transport.unix import UnixListener


class InheritedUnixListener(UnixListener):
    """A Unix socket whose path belongs to whoever made it."""

    def close(self) -> None:
        """Stop listening; the path stays."""
        self.socket.close()


def adopt(descriptor: int, backlog: int) -> Listener:
    """Listen on an inherited socket, TCP or Unix.  Raises OSError where it is neither."""
    try:
        # A duplicate, so that closing this listener leaves the giver's descriptor alone.
        sock = socket.socket(fileno=os.dup(descriptor))
    except OSError as error:
        raise OSError(error.errno, "it is not an open socket", f"fd://{descriptor}") from None
    os.set_inheritable(descriptor, False)  # not for the programs that an application starts
    if sock.type != socket.SOCK_STREAM:
        sock.close()
        raise OSError(errno.ENOTSOCK, "it is not a stream socket", f"fd://{descriptor}")
    sock.listen(backlog)
    listener: Listener
    if sock.family == socket.AF_UNIX:
        listener = InheritedUnixListener(sock, str(sock.getsockname()))
    else:
        listener = TCPListener(sock, describe(sock))
    listener.shared = True
    return listener
