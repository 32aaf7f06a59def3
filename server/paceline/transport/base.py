"""A listener and a connection over a stream socket, which TCP and Unix sockets share."""

import os
import socket
import struct
from collections.abc import Callable
from math import inf

Address = tuple[str, str]

SENDFILE = getattr(os, "sendfile", None)


class Connection:
    """Bytes both ways between this server and one peer; never blocks.

    ``peer`` is ``(address, port)``, two empty strings on a Unix socket.
    """

    __slots__ = ("peer", "receive", "send", "socket")

    secure = False

    receive: Callable[[int], bytes]
    """Return at most that many bytes, none at the end of the stream; BlockingIOError, OSError."""
    send: Callable[[bytes | memoryview], int]
    """Return how many bytes were taken; BlockingIOError, OSError."""

    def __init__(self, sock: socket.socket, peer: Address) -> None:
        self.socket = sock
        self.peer = peer
        # The socket's own methods, so that the most frequent calls have no wrapper around them.
        self.receive = sock.recv
        self.send = sock.send

    def handshake(self) -> None:
        """Do what must be done before the first byte; BlockingIOError where it needs more time."""

    def pending(self) -> bool:
        """Tell whether bytes were taken from the socket that ``receive`` has not given yet."""
        return False

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send from a file, 0 at its end; BlockingIOError, OSError."""
        if SENDFILE is not None:
            return int(SENDFILE(self.socket.fileno(), descriptor, offset, count))
        return self.send(os.pread(descriptor, min(count, 1 << 17), offset))

    def shutdown_write(self) -> None:
        """Tell the peer that nothing more comes."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the peer was faster

    def reset_on_close(self) -> None:
        """See to it that ``close`` shows the peer an error, not an end."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", True, 0))
        except OSError:
            pass

    def close(self) -> None:
        """Close; the peer may still read what was sent."""
        self.socket.close()


class Listener:
    """A bound and listening socket.  ``address`` is what people are shown."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.address = address
        self.connection: Callable[[socket.socket, Address], Connection] = Connection
        """What a connection is made with; TLS puts its own here."""
        self.secure = False
        self.shared = False
        """Whether somebody else may go on listening on it."""

    def take_no_more(self) -> None:
        """Let nobody connect from now on; who has connected can still be accepted.

        For all processes that have this socket.  Without it, who connects between the last accept
        and the close is reset, since the kernel has said yes to them.
        """

    @property
    def name(self) -> Address:
        """Return host and port for SERVER_NAME and SERVER_PORT; empty where there is none."""
        return "", ""

    def accept(self) -> Connection:
        """Return the next connection; BlockingIOError where none waits, OSError."""
        raise NotImplementedError

    def mend(self) -> float:
        """Bring back what it needs beside its socket, should that have ended.

        For the process that made it, each time that a child of its has ended.  Returns when to call
        it again (``time.monotonic()``), infinitely late where there is nothing to do.
        """
        return inf

    can_be_handed_on = True
    """Whether another process can serve the socket alone, given its descriptor."""

    def hand_on(self) -> None:
        """Leave to another process, which serves the socket too, what is to be cleaned up."""

    def take_back(self) -> None:
        """Do it oneself again."""

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()
