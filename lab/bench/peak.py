"""The most that a server's processes held while they were measured."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.bench.process_tree import kibibytes, memory, usage

EVERY = 0.5
"""Seconds between looks: each takes about a millisecond of the load's core."""


@dataclass
class Peak:
    """The highest figures so far: memory in KiB, ``pss`` 0 where the kernel does not tell it."""

    rss: int = 0
    pss: int = 0
    threads: int = 0
    processes: int = 0

    def look(self, leader: int) -> None:
        """Takes in what a session's processes hold now."""
        with suppress(OSError):  # one ended meanwhile
            pids = usage(leader).pids
            held = memory(leader)
            threads = sum(kibibytes(Path(f"/proc/{pid}/status"), "Threads:") for pid in pids)
            self.rss = max(self.rss, held.rss)
            self.pss = max(self.pss, held.pss or 0)
            self.threads = max(self.threads, threads)
            self.processes = max(self.processes, len(pids))

    def figures(self) -> dict[str, float]:
        """Under the names that results have."""
        known = {"peak_pss_kib": self.pss} if self.pss else {}
        return {
            "peak_rss_kib": self.rss,
            **known,
            "peak_threads": self.threads,
            "peak_processes": self.processes,
        }


@contextmanager
def watched(leader: int) -> Iterator[Peak]:
    """Looks at a session again and again, at least at the beginning and at the end."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        peak.look(leader)
        while not ended.wait(EVERY):
            peak.look(leader)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
        peak.look(leader)
