"""Requests of our own, one at a time, so that none waits for another.

What is left of a request's time once its CPU is taken off it may also have waited for a core.
Linux counts that (/proc/PID/task/TID/schedstat, the second number: nanoseconds ready and not
running), so where the server's processes are on this machine it is known for each request.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lab import typed
from lab.advise.judging import ENOUGH
from lab.advise.observing import Seen, see
from lab.bench.process_tree import usage
from lab.errors import LabError
from lab.serve import WordError
from lab.trace.console import Console
from lab.trace.target import Target
from lab.tracing.client import Sent, send
from lab.tracing.names import Hop

WARM_UP = 3
"""Requests of each URL that do not count: imports, caches, the first connection to a database."""

TIMEOUT = 30.0
"""Seconds for one request."""

LONGER = 3
"""How many times as long it may take, for requests enough."""

PAIRS = 10
"""Of each URL."""

PATIENCE = 5.0
"""Seconds for what was told of the last request to reach the console."""

MOST = 1000
"""Requests that the console is asked about; of more every second, or third, and so on."""


@dataclass(frozen=True)
class Asked:
    """One request that was sent, and how long (seconds) each thread of the server had no core."""

    url: str
    trace_id: str
    unserved: Mapping[int, float]

    def of(self, seen: Seen) -> float:
        """How long its own thread had none, which is no waiting; where that is not known, all."""
        threads = self.unserved
        told = threads.get(seen.thread, 0.0) if seen.thread else sum(threads.values())
        return min(told, max(0.0, seen.wall - (seen.cpu or 0.0)))


def drive(targets: Sequence[Target], seconds: float, leader: int | None) -> Iterator[Asked]:
    """Asks one URL after the other, again and again, for so many seconds; each at least once.

    It goes on for up to LONGER times that where that makes too few of them.

    ``leader`` is the first process of the server, where it is on this machine.  Raises LabError
    where one is not answered well: its time would be that of an error.
    """
    for target in targets:
        for _ in range(WARM_UP):
            ask(target)
    threads = Threads(leader)
    began, turns = time.monotonic(), 0
    while True:
        for target in targets:
            before = threads.unserved()
            sent = ask(target)
            since = {t: at - before.get(t, 0.0) for t, at in threads.unserved().items()}
            yield Asked(target.url, sent.context.trace_id, since)
        turns += 1
        passed = time.monotonic() - began
        if passed > LONGER * seconds or (passed > seconds and turns >= ENOUGH):
            return


def pairs(targets: Sequence[Target]) -> list[Asked]:
    """Asks each URL by two at once, a few times: whether its process computes both at once.

    Raises LabError and WordError.
    """
    with ThreadPoolExecutor(2) as two:
        return [
            Asked(target.url, sent.context.trace_id, {})
            for target in targets
            for _ in range(PAIRS)
            for sent in two.map(ask, (target, target))
        ]


def ask(target: Target) -> Sent:
    """One GET.  Raises LabError where no good answer comes, WordError where it cannot be sent."""
    try:
        sent = send(target.url, timeout=TIMEOUT, trust=target.trust)
    except (ValueError, OSError) as error:
        raise WordError(f"{target.url}: {error}") from error
    if sent.error is not None:
        raise LabError(f"{target.url}: {sent.error}\n{typed.how_to_start()}")
    if sent.status is None or sent.status >= 400:
        raise LabError(
            f"{target.url} answered {sent.status} {sent.reason}: name URLs that are well"
        )
    return sent


class Threads:
    """All threads of a server's processes; of none where nobody knows which those are."""

    def __init__(self, leader: int | None) -> None:
        pids = usage(leader).pids if leader else ()
        self._folders = [Path(f"/proc/{pid}/task") for pid in pids]

    def unserved(self) -> dict[int, float]:
        """Seconds so far that each was ready and had no core."""
        found = {}
        for folder in self._folders:
            with suppress(OSError):  # one ended meanwhile, or this Linux does not count
                for thread in folder.iterdir():
                    waited = int((thread / "schedstat").read_text().split()[1])
                    found[int(thread.name)] = waited / 1e9
        return found


def told(asked: Sequence[Asked], console: Console) -> list[Seen]:
    """What the server told of these requests, at least one; of some of them nothing may have come.

    Blocks until what was told of the last is there, or for some seconds.  Raises NoConsole.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_told(console, asked[-1].trace_id) and time.monotonic() < deadline:
        time.sleep(0.05)
    found = []
    for each in asked[:: math.ceil(len(asked) / MOST)]:
        seen = see(console.get(each.trace_id), path_of(each.url))
        if seen:
            found.append(replace(seen, unserved=each.of(seen)))
    return found


def path_of(url: str) -> str:
    """The path of a URL with its query."""
    return "/" + url.partition("://")[2].partition("/")[2]


def is_told(console: Console, trace_id: str) -> bool:
    """Whether the server or the application has told of it."""
    return any(s.hop in (Hop.SERVER, Hop.APPLICATION) for s in console.get(trace_id))
