"""A server under attack: what an ordinary client sees of it, and what it holds."""

import time
from pathlib import Path

from tests.contract.behaviour.client import get, post
from tests.contract.behaviour.serving import Serving, target_of

AT_ONCE = 10.0
"""Seconds for one answer on a busy machine; what an attack could cost is more, or for ever."""


def check_served(server: Serving, rounds: int = 20) -> None:
    """Ordinary clients are answered, over a kept connection and over new ones, none refused."""
    with server.connect() as kept:
        for _ in range(rounds):
            began = time.monotonic()
            assert kept.get("/raw/hello").body == b"hello"
            with server.connect() as client:
                assert client.ask(post("/echo", b"body")).body == b"body"
            assert time.monotonic() - began < AT_ONCE


def check_let_in(server: Serving) -> None:
    """A new client is answered."""
    with server.connect() as client:
        client.sock.settimeout(AT_ONCE)
        assert client.ask(get("/raw/hello")).body == b"hello"


class Held:
    """Descriptors, threads and memory of a process."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")

    def descriptors(self) -> int:
        return len(list((self._process / "fd").iterdir()))

    def connections(self) -> int:
        """Sockets, and whatever else a request holds: all but what a thread has for itself."""
        found = (self._process / "fd").iterdir()
        return sum("schedstat" not in target_of(each) for each in found)

    def threads(self) -> int:
        return len(list((self._process / "task").iterdir()))

    def memory(self) -> int:
        """Resident, in bytes."""
        return int((self._process / "statm").read_text().split()[1]) * 4096
