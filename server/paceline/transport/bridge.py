"""A process between clients of a transport that no poller knows and a Unix socket.

    client ─ pipes, files, shared memory ─ this process ─ Unix socket ─ workers

A thread for each way of each client, so that a transport has only to know how to wait.  The workers
serve such a client as one of any Unix socket: with every model, limit and time of theirs.
"""

import importlib
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SIZE = 1 << 16
CLIENTS = 250  # at once; others wait until one of these has gone
DESCRIPTORS = 6  # that a client takes: four pipes, memory and a socket
OTHERS = 16  # descriptors beside those
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
    """Carry bytes both ways until both sides have ended; then close both.

    Raises RuntimeError where no thread can be had.
    """
    try:
        _carry(link, sock)
    finally:
        sock.close()
        with suppress(OSError):
            link.close()


def _carry(link: Link, sock: socket.socket) -> None:
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

    def __init__(self, door: Door, address: str, clients: int = CLIENTS) -> None:
        self._door = door
        self._address = address
        self._room = threading.BoundedSemaphore(clients)
        self._present = 0
        self._counting = threading.Lock()

    def run(self) -> None:
        """Serve until the door is closed.  Raises whatever the door does."""
        for link in self._door:
            self._room.acquire()
            serving = threading.Thread(target=self._serve, args=(link,), daemon=True)
            try:
                serving.start()
            except RuntimeError:  # a limit of the system
                link.close()
                self._room.release()

    def _serve(self, link: Link) -> None:
        with self._counting:
            self._present += 1
        try:
            try:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                sock.connect(self._address)
            except OSError:  # nobody serves, or there is no descriptor
                link.close()
            else:
                carry(link, sock)
        except RuntimeError:
            pass  # its link is closed
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


def make_room() -> int:
    """Raise the limit of descriptors as far as allowed; return how many clients there can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CLIENTS * DESCRIPTORS + OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return CLIENTS
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, (allowed - OTHERS) // DESCRIPTORS)


def run(bridge: Bridge) -> None:
    """Serve; where that cannot go on end the process, and the server starts another."""
    try:
        bridge.run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)


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
    bridge = Bridge(door, address, make_room())
    threading.Thread(target=run, args=(bridge,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    bridge.end()
    sys.stdout.flush()
    os._exit(0)  # the thread that waits for clients waits for ever


if __name__ == "__main__":
    main()
