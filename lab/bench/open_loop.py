"""Load at a constant rate, whatever the server does: an open loop, for latencies.

Each request has a time at which it is due, and its latency counts from then on, so a server that
stops for a second is charged with all who would have come meanwhile.  A request that is due while
every connection is busy waits for one, and that is in its latency too.  How late this loop itself
noticed that a request was due is kept beside: where that is much, the loop was the bound.

``python -m lab.bench.open_loop`` takes a Job as JSON on its standard input and prints Found.
"""

import json
import selectors
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass

from hdrh.histogram import HdrHistogram

from lab.serve import parse_bind

PATIENCE = 10.0
"""Seconds past the last due time after which what is not answered is given up."""

LONGEST = 600_000_000
DIGITS = 3
"""What the histograms hold: microseconds up to ten minutes, to three significant digits."""

LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Job:
    """A request, to be sent so many times a second for so many seconds."""

    bind: str
    request: str
    connections: int
    rate: float
    seconds: float


@dataclass(frozen=True)
class Found:
    """Latencies and the loop's own lag, as HdrHistogram encodes them; empty where it failed."""

    latency: str = ""
    lag: str = ""
    error: str = ""


def histogram(encoded: str = "") -> HdrHistogram:
    """An empty one, or one of Found's; in microseconds."""
    return HdrHistogram.decode(encoded) if encoded else HdrHistogram(1, LONGEST, DIGITS)


class Answer:
    """Takes an answer piece by piece until it is whole; ``closes`` says that it was the last."""

    def __init__(self) -> None:
        self._head, self._tail, self._left = b"", b"", -1
        self._chunked = self.closes = False

    def take(self, piece: bytes) -> bool:
        """Whether the answer is whole now.  Raises ValueError where it is none that counts."""
        if not self._tail and self._left < 0:
            self._head += piece
            head, end, piece = self._head.partition(b"\r\n\r\n")
            if not end:
                return False
            self._read(head.lower())
        self._tail = (self._tail or b".....")[-5:] + piece[-5:]
        self._left -= len(piece)
        return self._tail.endswith(LAST_CHUNK) if self._chunked else self._left == 0

    def _read(self, head: bytes) -> None:
        status, *lines = head.split(b"\r\n")
        if status.split()[1:2] != [b"200"]:
            raise ValueError(f"answered {status.decode('latin-1')!r}")
        fields = {name: value.strip() for name, _, value in (x.partition(b":") for x in lines)}
        self.closes = fields.get(b"connection") == b"close"
        self._chunked = fields.get(b"transfer-encoding") == b"chunked"
        if not self._chunked:
            if b"content-length" not in fields:
                raise ValueError("an answer whose end is that of its connection")
            self._left = int(fields[b"content-length"])


class Loop:
    """Connections, the requests that wait for one, and what was found."""

    def __init__(self, job: Job) -> None:
        self.job, self.request = job, job.request.encode("latin-1")
        self.latency, self.lag = histogram(), histogram()
        self.selector = selectors.DefaultSelector()
        self.idle: deque[socket.socket | None] = deque([None] * job.connections)
        self.waiting: deque[int] = deque()
        self.asked: dict[socket.socket, tuple[int, Answer]] = {}

    def run(self) -> Found:
        """Blocks until all is answered.  Raises OSError and ValueError for what is not."""
        step, total = 1e9 / self.job.rate, int(self.job.rate * self.job.seconds)
        began, sent = time.monotonic_ns(), 0
        deadline = began + int((self.job.seconds + PATIENCE) * 1e9)
        while sent < total or self.asked or self.waiting:
            now = time.monotonic_ns()
            while sent < total and (due := began + int(sent * step)) <= now:
                record(self.lag, now - due)
                self.waiting.append(due)
                sent += 1
            self._send()
            if now > deadline:
                late = len(self.asked) + len(self.waiting) + total - sent
                raise ValueError(f"{late} of {total} requests were not answered in time")
            until = began + int(sent * step) if sent < total else now + 100_000_000
            self._receive(max(0, until - time.monotonic_ns()) / 1e9)
        return Found(self.latency.encode().decode(), self.lag.encode().decode())

    def _send(self) -> None:
        while self.waiting and self.idle:
            client = self.idle.popleft() or self._connected()
            client.sendall(self.request)
            self.asked[client] = self.waiting.popleft(), Answer()

    def _connected(self) -> socket.socket:
        kind, address = parse_bind(self.job.bind)
        if kind == "unix":
            client = socket.socket(socket.AF_UNIX)
            client.connect(address["path"])
        else:
            client = socket.create_connection((address["host"], int(address["port"])), PATIENCE)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(client, selectors.EVENT_READ, client)
        return client

    def _receive(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            client: socket.socket = key.data
            piece = client.recv(262_144)
            if client not in self.asked:  # an idle one that the server closed
                self.idle.remove(client)
                self._forget(client)
            elif not piece:
                raise OSError("a connection was closed before its answer was whole")
            elif self.asked[client][1].take(piece):
                due, answer = self.asked.pop(client)
                self._answered(client, time.monotonic_ns() - due)
                if answer.closes:
                    self._forget(client)
                else:
                    self.idle.append(client)

    def _answered(self, client: socket.socket, nanoseconds: int) -> None:
        record(self.latency, nanoseconds)

    def _forget(self, client: socket.socket) -> None:
        self.selector.unregister(client)
        client.close()
        self.idle.append(None)


def record(into: HdrHistogram, nanoseconds: int) -> None:
    """Counts one time, at least one microsecond."""
    into.record_value(max(1, nanoseconds // 1000))


def main() -> None:
    """Does the job on standard input."""
    try:
        found = Loop(Job(**json.load(sys.stdin))).run()
    except (OSError, ValueError) as error:
        found = Found(error=str(error) or type(error).__name__)
    json.dump(asdict(found), sys.stdout)


if __name__ == "__main__":
    main()
