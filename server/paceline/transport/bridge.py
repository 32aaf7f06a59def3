"""A process between clients of a transport that no poller knows and a Unix socket.

    client ─ pipes, files, shared memory ─ this process ─ Unix socket ─ workers

A thread for each way of each client, so that a transport has only to know how to wait.  The workers
serve such a client as one of any Unix socket: with every model, limit and time of theirs.
"""

import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SIZE = 1 << 16
CLIENTS = 250  # at once; others wait until one of these has gone
PATIENCE = 60.0  # seconds for one side to end, once the other has
FAREWELL = 30.0  # seconds for clients that are served when the server ends


class Link(Protocol):
    """One client's bytes, both ways; one thread receives, another one sends."""

    receive: Callable[[], bytes]
    """Wait for some bytes; none at the end.  Raises OSError."""
    send: Callable[[bytes], None]
    """Send all; wait for room.  Raises OSError."""
    end: Callable[[], None]
    """Say that nothing more comes."""
    close: Callable[[], None]
    """Give all back, once no thread uses it."""

    def abort(self) -> None:
        """Let the other thread come back from what it waits for."""


class Door(Protocol):
    """Where clients come in."""

    close: Callable[[], None]
    """Let no more in."""

    def __iter__(self) -> Iterator[Link]:
        """Wait for the next."""


def carry(link: Link, sock: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended; then close both."""
    receiving = threading.Thread(target=_receive, args=(link, sock))
    receiving.start()
    try:
        while data := sock.recv(SIZE):
            link.send(data)
        link.end()
        receiving.join(PATIENCE)  # the other way may go on for a while
    except OSError:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    link.abort()
    receiving.join()
    sock.close()
    with suppress(OSError):
        link.close()


def _receive(link: Link, sock: socket.socket) -> None:
    try:
        while data := link.receive():
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:  # one of both has gone: the other thread is to learn of it
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


class Bridge:
    """A door, and those who came in by it."""

    def __init__(self, door: Door, address: str) -> None:
        self._door = door
        self._address = address
        self._room = threading.BoundedSemaphore(CLIENTS)
        self._present = 0
        self._counting = threading.Lock()

    def run(self) -> None:
        """Serve until the process ends."""
        for link in self._door:
            self._room.acquire()
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: Link) -> None:
        with self._counting:
            self._present += 1
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.connect(self._address)
            except OSError:
                sock.close()
                link.close()
            else:
                carry(link, sock)
        finally:
            self._room.release()
            with self._counting:
                self._present -= 1

    def end(self) -> None:
        """Let nobody in any more; return when all have gone."""
        self._door.close()
        until = time.monotonic() + FAREWELL
        while self._present and time.monotonic() < until:
            time.sleep(0.01)


def main() -> None:
    """Be the process: ``MODULE DIRECTORY SOCKET``; ends when its standard input does."""
    module, directory, address = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for the server
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        door = importlib.import_module(f"paceline.transport.{module}").Door(Path(directory))
    except OSError as error:
        print(f"{error.filename or directory}: {error.strerror or error}", flush=True)
        return
    bridge = Bridge(door, address)
    threading.Thread(target=bridge.run, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    bridge.end()
    sys.stdout.flush()
    os._exit(0)  # the thread that waits for clients waits for ever


if __name__ == "__main__":
    main()
