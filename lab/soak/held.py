"""What a server's processes hold, and whether that became more."""

import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.bench.process_tree import kibibytes, usage

ALLOWED = 1 << 20
"""Bytes that memory may grow by for each REQUESTS; what is smaller is the allocator's affair."""
REQUESTS = 100_000


@dataclass(frozen=True)
class Held:
    """All of a session's processes together, at one moment."""

    memory: int
    """Resident, in bytes."""
    descriptors: int
    threads: int
    pids: frozenset[int]

    @classmethod
    def by(cls, leader: int) -> "Held":
        """What the processes of a session hold now."""
        pids = usage(leader).pids
        folders = [Path("/proc") / str(pid) for pid in pids]
        return cls(
            sum(kibibytes(folder / "status", "VmRSS:") << 10 for folder in folders),
            sum(_count(folder / "fd") for folder in folders),
            sum(_count(folder / "task") for folder in folders),
            pids,
        )


def _count(folder: Path) -> int:
    with suppress(OSError):  # it has ended
        return sum(1 for _ in folder.iterdir())
    return 0


@dataclass(frozen=True)
class Rest:
    """What was held behind so many requests."""

    requests: int
    held: Held


def growth(rests: Sequence[Rest]) -> float:
    """Bytes of memory for each request: the slope of the line through all rests."""
    x, y = [rest.requests for rest in rests], [rest.held.memory for rest in rests]
    return statistics.linear_regression(x, y).slope


def complaints(rests: Sequence[Rest]) -> list[str]:
    """Why what was held is not flat; the first of the rests ends the warm-up."""
    first, last = rests[0], rests[-1]
    asked = last.requests - first.requests
    grown = growth(rests) * asked
    found = []
    # Behind fewer requests, a single page more would already look steep.
    if grown > ALLOWED * max(1.0, asked / REQUESTS):
        found.append(f"memory grew by {grown / 2**20:.1f} MiB in {asked:,} requests")
    for what in ("descriptors", "threads"):
        before, after = getattr(first.held, what), getattr(last.held, what)
        if after > before:
            found.append(f"{before} {what} became {after}")
    if last.held.pids != first.held.pids:
        found.append("processes came or went")
    return found
