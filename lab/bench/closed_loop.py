"""wrk's load over a Unix socket, which wrk does not know: connections that ask again and again.

    python -m lab.bench.closed_loop unix:/PATH PATH CONNECTIONS SECONDS [BYTES [NAME:VALUE …]]

It says at its end what lab/bench/wrk.lua says, and its last two arguments are as there.  It is
plain Python and needs more CPU than wrk: where a server is fast, this loop may be the bound on
requests per second, and the notes say so.
"""

import json
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from contextlib import suppress

from lab.bench.open_loop import Answer
from lab.bench.workloads import request_text
from lab.serve import parse_bind

SLOW = 2.0
"""Seconds after which an answer counts as a timeout, as for wrk."""
WAIT = struct.pack("ll", int(SLOW), 0)
READ_ONCE = 262_144
"""Bytes."""
ERRORS = ("connect", "read", "write", "timeout", "status")


class Loop:
    """Connections to one address, each with one request under way."""

    def __init__(self, path: str, request: str, connections: int) -> None:
        self._path, self._request = path, request.encode("latin-1")
        self._connections = connections
        self._selector = selectors.DefaultSelector()
        self._asked: dict[socket.socket, tuple[float, Answer]] = {}
        self.took: list[float] = []
        self.errors: Counter[str] = Counter()

    def run(self, seconds: float) -> float:
        """Asks for so long; blocks.  Returns the seconds that it took."""
        began = time.monotonic()
        for _ in range(self._connections):
            self._open()
        while (left := began + seconds - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                client: socket.socket = key.data
                self._read(client)
        ended = time.monotonic()
        self.errors["timeout"] += sum(ended - at > SLOW for at, _ in self._asked.values())
        return ended - began

    def _open(self) -> None:
        client = socket.socket(socket.AF_UNIX)
        # With a timeout of Python's, connect(2) would fail at once where the backlog is full.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, WAIT)
        try:
            client.connect(self._path)
            client.settimeout(SLOW)
        except OSError:
            self.errors["connect"] += 1
            client.close()
        else:
            self._selector.register(client, selectors.EVENT_READ, client)
            self._ask(client)

    def _ask(self, client: socket.socket) -> None:
        self._asked[client] = time.monotonic(), Answer()
        with suppress(OSError):  # it shows when the answer is read
            client.sendall(self._request)

    def _read(self, client: socket.socket) -> None:
        asked, answer = self._asked[client]
        try:
            piece = client.recv(READ_ONCE)
            whole = bool(piece) and answer.take(piece)
        except ValueError:
            self._again(client, "status")
            return
        except OSError:
            piece, whole = b"", False
        if not piece:
            self._again(client, "read")
        elif whole:
            took = time.monotonic() - asked
            self.took.append(took)
            self.errors["timeout"] += took > SLOW
            if answer.closes:
                self._again(client)
            else:
                self._ask(client)

    def _again(self, client: socket.socket, error: str = "") -> None:
        if error:
            self.errors[error] += 1
        self._selector.unregister(client)
        del self._asked[client]
        client.close()
        self._open()


def main(bind: str, path: str, connections: str, seconds: str, *more: str) -> None:
    """Prints one line of JSON."""
    length, *fields = more or ("0",)
    headers = dict(field.split(":", 1) for field in fields)
    loop = Loop(
        parse_bind(bind)[1]["path"],
        request_text(path, "localhost", int(length), headers),
        int(connections),
    )
    ran = loop.run(float(seconds))
    took = sorted(loop.took) or [0.0]
    said = {"requests": len(loop.took), "microseconds": int(ran * 1e6)}
    said |= {kind: loop.errors[kind] for kind in ERRORS}
    for percent in (50, 90, 99):
        said[f"p{percent}"] = int(took[min(len(took) - 1, len(took) * percent // 100)] * 1e6)
    print(json.dumps({**said, "max": int(took[-1] * 1e6)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
