"""What any server in this Python must pay: `python -m lab.bench.floor HOST:PORT | unix:/PATH`.

A loop that waits by epoll, reads once, and sends an answer made before.  It looks at nothing it
read, so it is no server: it shows what is left when a server's own work is taken away.

With /wait/10 behind the address, a thread for each connection that reads once, sleeps 10 ms and
sends: what is left of the ideal once so many threads share one GIL.
"""

import json
import select
import socket
import sys
import threading
import time
from email.utils import formatdate

from lab.bench.apps import HELLO
from lab.serve import parse_bind

READ_ONCE = 65_536
"""Bytes; far more than one request of the bench."""

BACKLOG = 1024
WAIT = "/wait/"


def answer_with(body: bytes) -> bytes:
    """A whole answer, as short as servers send one."""
    head = (
        "HTTP/1.1 200 OK",
        "Server: floor",
        f"Date: {formatdate(usegmt=True)}",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def serve(listener: socket.socket) -> None:
    """Answers whatever arrives, for ever."""
    said = answer_with(HELLO)
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for descriptor, _ in epoll.poll():
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                epoll.register(connection, select.EPOLLIN)
            elif not answer(connections[descriptor], said):
                connections.pop(descriptor).close()


def serve_waiting(listener: socket.socket, seconds: float) -> None:
    """Answers after a while, each connection in a thread of its own, for ever."""
    said = answer_with(json.dumps({"wall_ms": seconds * 1000, "cpu_ms": 0.0}).encode())

    def talk(connection: socket.socket) -> None:
        while answer(connection, said, seconds):
            pass
        connection.close()

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=[connection], daemon=True).start()


def answer(connection: socket.socket, said: bytes, after: float = 0) -> bool:
    """Reads once and answers, after some seconds; whether the client is still there."""
    try:
        if not connection.recv(READ_ONCE):
            return False
        if after:
            time.sleep(after)
        return bool(connection.send(said))
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


def main(bind: str, path: str = "/") -> None:
    """Serves what stands at a path of lab/bench/apps.py."""
    listener = listen(bind)
    if path.startswith(WAIT):
        serve_waiting(listener, int(path.removeprefix(WAIT)) / 1000)
    serve(listener)


if __name__ == "__main__":
    main(*sys.argv[1:])
