"""Each attack of the bench, beside ordinary clients: all are answered, and nothing stays behind.

How long they wait is measured by `python -m lab.bench.hostile`; a test could not tell the attack
from another process on the machine.
"""

from collections.abc import Iterator

import pytest

from lab.bench.attacks import ATTACKS, under_attack
from tests.contract.behaviour.serving import Combination, Serving, eventually, serving
from tests.hostile.victim import Held, check_let_in, check_served

MANY = {
    "slow-heads": 300,
    "slow-bodies": 300,
    "never-reads": 50,
    "idle": 300,
    "silent": 300,
    "half-closed": 100,
    "resets": 1,
    "bad-requests": 1,
    "large-bodies": 4,
}
MEMORY = 30_000_000
"""Bytes that a process may have kept in the end: Python's own pools, not an attack's leftovers."""


class Victim:
    """A server, and what it held before the first attack."""

    def __init__(self, server: Serving) -> None:
        self.server = server
        check_served(server, rounds=2)
        (self.pid,) = server.workers
        self.held = Held(self.pid)
        self.connections = self.held.connections()
        self.descriptors = self.held.descriptors()
        self.threads = self.held.threads()
        self.memory = self.held.memory()


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    options = ("--body-in-memory=64K", "--bodies-on-disk=100M", "--answer-buffered=64K")
    with serving(Combination("adaptive"), tmp_path_factory.mktemp("s"), *options) as server:
        yield Victim(server)


def test_every_attack_is_tried() -> None:
    assert MANY.keys() == ATTACKS.keys()


@pytest.mark.parametrize("name", list(MANY))
def test_others_are_served_beside(victim: Victim, name: str) -> None:
    server, held = victim.server, victim.held
    with under_attack(name, server.tcp, MANY[name]):
        check_served(server)
    eventually(lambda: held.connections() <= victim.connections, "the end of its connections")
    check_let_in(server)
    assert server.workers == [victim.pid], "it is still the same process"


def test_nothing_stays_behind(victim: Victim) -> None:
    """Threads end that nobody needs, and what was freed goes back to the system."""
    held = victim.held
    eventually(lambda: held.threads() <= victim.threads, "that its threads are as before")
    eventually(lambda: held.descriptors() <= victim.descriptors, "its descriptors, too")
    eventually(lambda: held.memory() < victim.memory + MEMORY, "and its memory")
