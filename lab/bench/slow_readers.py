"""Clients that take a download slowly while others are served: a train, a phone at a wall.

    python -m lab.bench.slow_readers HOST:PORT|unix:/PATH PATH CONNECTIONS BYTES_PER_SECOND

It says "under way" once each has the first bytes of its answer, or has waited for them, and goes
on until its standard input ends; what ends before is asked for again.  Then it says how much came.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lab.bench.answering import Answering
from lab.bench.void import VoidError
from lab.bench.workloads import request_text
from lab.serve import parse_bind
from lab.stack.layout import REPO
from lab.stack.processes import die_with_parent

PAUSE = 0.05
"""Seconds between two reads of a client."""
BUFFER = 16_384
"""Bytes that a client's socket takes: the rest waits with the server, or with the proxy."""
PATIENCE = 2.0
"""Seconds for the first bytes of all; a server that has no thread for some never sends them."""
UNDER_WAY = "under way"


class Reader:
    """One client, and how many bytes it has taken; ``begun`` once it has some of an answer."""

    def __init__(self, bind: str, path: str) -> None:
        self._bind, self._path = bind, path
        self.taken, self.begun, self._socket = 0, False, socket.socket()
        self._ask()

    def _ask(self) -> None:
        self._socket.close()
        kind, address = parse_bind(self._bind)
        family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.settimeout(PATIENCE)
        with suppress(OSError):  # it is asked again by the next look
            to = address["path"] if kind == "unix" else (address["host"], int(address["port"]))
            self._socket.connect(to)
            host = "localhost" if kind == "unix" else self._bind
            request = request_text(self._path, host, 0, {"Connection": "close"})
            self._socket.sendall(request.encode())
        self._socket.setblocking(False)

    def look(self, most: int) -> None:
        """Takes at most so many bytes; asks again where the answer has ended."""
        try:
            piece = self._socket.recv(most)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self.taken += len(piece)
        self.begun |= bool(piece)
        if not piece:
            self._ask()


@contextmanager
def beside(server: Answering) -> Iterator[dict[str, float]]:
    """The slow readers of a server's workload, if it has any; in the end how fast they read.

    Raises VoidError: what goes wrong beside them says so.
    """
    slow, figures = server.workload.slow, dict[str, float]()
    if slow is None:
        yield figures
        return
    words = [server.bind, slow.path, str(slow.connections), str(slow.rate)]
    with subprocess.Popen(
        [sys.executable, "-m", "lab.bench.slow_readers", *words],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent,
    ) as process:
        assert process.stdin and process.stdout
        try:
            if process.stdout.readline().strip() != UNDER_WAY:
                raise VoidError("the slow readers could not be started")
            yield figures
            figures |= json.loads(process.communicate(timeout=PATIENCE + 10)[0])
        except VoidError as error:
            raise VoidError(f"beside {slow.connections} slow readers: {error}") from None
        finally:
            process.kill()


def main(bind: str, path: str, connections: str, rate: str) -> None:
    """Reads until standard input ends."""
    readers = [Reader(bind, path) for _ in range(int(connections))]
    most, began, said = max(1, int(float(rate) * PAUSE)), time.monotonic(), False
    ended = selectors.DefaultSelector()
    ended.register(sys.stdin, selectors.EVENT_READ)
    counted_from, counted = began, 0
    while not ended.select(PAUSE):
        for reader in readers:
            reader.look(most)
        late = time.monotonic() - began > PATIENCE
        if not said and (late or all(reader.begun for reader in readers)):
            print(UNDER_WAY, flush=True)
            said, counted_from = True, time.monotonic()
            counted = sum(reader.taken for reader in readers)
    taken = sum(reader.taken for reader in readers) - counted
    seconds = time.monotonic() - counted_from
    begun = sum(reader.begun for reader in readers)
    print(json.dumps({"readers_kib_s": taken / 1024 / seconds, "readers_served": begun}))


if __name__ == "__main__":
    main(*sys.argv[1:])
