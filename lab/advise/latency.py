"""How long clients wait for the mix of paths while requests come at a constant rate.

wrk's connections ask again once they are answered, so a slow server is asked less often and its
latencies are too good.  Here each setting gets as many requests a second as the others, and each
request counts from when it was due (lab/bench/open_loop.py).
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle

from hdrh.histogram import HdrHistogram

from lab.advise.trying import MIX, Trial
from lab.bench import load
from lab.bench.load import WARM_UP, Figures
from lab.bench.open_loop import Answer, Job, Loop, histogram, record
from lab.bench.results import Results, Run
from lab.bench.running import Started
from lab.bench.void import VoidError
from lab.bench.workloads import request_text

SHARE = 0.7
"""Of the requests per second that the slowest reached."""

MOST = 1000.0
"""Requests per second: of more the loop, in Python, would take the cores that it measures."""


class Turns(Loop):
    """The bench's open loop for several paths and their requests, one after the other.

    ``times`` are those of each path, in nanoseconds.
    """

    def __init__(self, job: Job, requests: Sequence[tuple[str, str]]) -> None:
        super().__init__(job)
        self._turns = cycle([(path, text.encode("latin-1")) for path, text in requests])
        self._path: dict[socket.socket, str] = {}
        self.times: dict[str, list[int]] = {path: [] for path, _ in requests}

    def _send(self) -> None:
        while self.waiting and self.idle:
            client = self.idle.popleft() or self._connected()
            self._path[client], request = next(self._turns)
            client.sendall(request)
            self.asked[client] = self.waiting.popleft(), Answer()

    def _answered(self, client: socket.socket, nanoseconds: int) -> None:
        super()._answered(client, nanoseconds)
        self.times[self._path.pop(client)].append(nanoseconds)


def common_rate(results: Results, wanted: float) -> float | None:
    """Requests per second that all have shown they can do; None where one has shown nothing."""
    reached = [results.spread(MIX, name, "requests_per_second") for name in results.servers]
    known = [spread.median for spread in reached if spread]
    return min(SHARE * min(known), wanted, MOST) if len(known) == len(reached) else None


def at(trial: Trial, server: Started, bind: str, rate: float) -> Figures:
    """Asks for the paths in turn at a rate; milliseconds, those of a path with it behind the name.

    Raises VoidError.
    """
    server.check()
    load.drive(server, trial.load(bind, WARM_UP), WARM_UP)
    requests = [(path, request_text(path, trial.host, 0, {})) for path in trial.paths]
    loop = Turns(Job(bind, requests[0][1], trial.connections, rate, trial.seconds), requests)
    try:
        with on_cores(trial.load_cores):
            loop.run()
    except (OSError, ValueError) as error:
        raise VoidError(f"at {rate:,.0f} requests/s: {error or type(error).__name__}") from None
    found = figures(loop.latency)
    for path, times in loop.times.items():
        latency = histogram()
        for each in times:
            record(latency, each)
        found |= {f"{name} {path}": value for name, value in figures(latency).items() if times}
    return found


def figures(latency: HdrHistogram) -> Figures:
    """Those of one histogram."""
    return {
        "p50_ms": latency.get_value_at_percentile(50) / 1000,
        "p99_ms": latency.get_value_at_percentile(99) / 1000,
        "max_ms": latency.get_max_value() / 1000,
    }


def apart(run: Run, paths: Sequence[str]) -> Iterator[Run]:
    """What was found of the mix, and of each path by itself where there are several."""
    of_all = {name: value for name, value in run.figures.items() if " " not in name}
    yield replace(run, figures=of_all)
    for path in paths if len(paths) > 1 and not run.void else ():
        of_it = {name: run.figures.get(f"{name} {path}") for name in of_all}
        known = {name: value for name, value in of_it.items() if value is not None}
        yield replace(run, workload=path, figures=known)


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """This process on these cores alone, for a while."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
