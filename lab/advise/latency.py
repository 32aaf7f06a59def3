"""How long clients wait for the mix of paths while requests come at a constant rate.

wrk's connections ask again once they are answered, so a slow server is asked less often and its
latencies are too good.  Here each setting gets as many requests a second as the others, and each
request counts from when it was due (lab/bench/open_loop.py).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle

from lab.advise.trying import MIX, Trial
from lab.bench import load
from lab.bench.load import WARM_UP, Figures
from lab.bench.open_loop import Answer, Job, Loop, histogram
from lab.bench.results import Results
from lab.bench.running import Started
from lab.bench.void import VoidError
from lab.bench.workloads import request_text

SHARE = 0.7
"""Of the requests per second that the slowest reached."""

MOST = 1000.0
"""Requests per second: of more the loop, in Python, would take the cores that it measures."""


class Turns(Loop):
    """The bench's open loop for several requests, one after the other."""

    def __init__(self, job: Job, requests: Sequence[str]) -> None:
        super().__init__(job)
        self._turns = cycle([request.encode("latin-1") for request in requests])

    def _send(self) -> None:
        while self.waiting and self.idle:
            client = self.idle.popleft() or self._connected()
            client.sendall(next(self._turns))
            self.asked[client] = self.waiting.popleft(), Answer()


def common_rate(results: Results, wanted: float) -> float | None:
    """Requests per second that all have shown they can do; None where one has shown nothing."""
    reached = [results.spread(MIX, name, "requests_per_second") for name in results.servers]
    known = [spread.median for spread in reached if spread]
    return min(SHARE * min(known), wanted, MOST) if len(known) == len(reached) else None


def at(trial: Trial, server: Started, bind: str, rate: float) -> Figures:
    """Asks for the paths in turn at a rate; milliseconds.  Raises VoidError."""
    server.check()
    load.drive(server, trial.load(bind, WARM_UP), WARM_UP)
    requests = [request_text(path, trial.host, 0, {}) for path in trial.paths]
    job = Job(bind, requests[0], trial.connections, rate, trial.seconds)
    try:
        with on_cores(trial.load_cores):
            found = histogram(Turns(job, requests).run().latency)
    except (OSError, ValueError) as error:
        raise VoidError(f"at {rate:,.0f} requests/s: {error or type(error).__name__}") from None
    return {
        "p50_ms": found.get_value_at_percentile(50) / 1000,
        "p99_ms": found.get_value_at_percentile(99) / 1000,
        "max_ms": found.get_max_value() / 1000,
    }


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """This process on these cores alone, for a while."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
