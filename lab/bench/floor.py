"""What any server in this Python must pay: `python -m lab.bench.floor HOST:PORT | unix:/PATH`.

A loop that waits by epoll, reads once, and sends an answer made before.  It looks at nothing it
read, so it is no server: it shows what is left when a server's own work is taken away.
"""

import select
import socket
import sys
from email.utils import formatdate

from lab.bench.apps import HELLO
from lab.serve import parse_bind

READ_ONCE = 65_536
"""Bytes; far more than one request of the bench."""

BACKLOG = 1024
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: floor\r\nDate: %b\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n%b"
) % (formatdate(usegmt=True).encode(), HELLO)


def serve(listener: socket.socket) -> None:
    """Answers whatever arrives, for ever."""
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in epoll.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                epoll.register(connection, select.EPOLLIN)
            elif not answer(connections[descriptor]):
                connections.pop(descriptor).close()


def answer(connection: socket.socket) -> bool:
    """Reads once and answers; whether the client is still there."""
    try:
        return bool(connection.recv(READ_ONCE)) and bool(connection.send(ANSWER))
    except OSError:
        return False


def listen(bind: str) -> socket.socket:
    """A socket that listens there."""
    kind, address = parse_bind(bind)
    if kind == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address["path"])
        listener.listen(BACKLOG)
        return listener
    return socket.create_server((address["host"], int(address["port"])), backlog=BACKLOG)


if __name__ == "__main__":
    serve(listen(sys.argv[1]))
