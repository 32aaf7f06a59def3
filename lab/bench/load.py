"""One run under load: how many requests per second, and what each of them cost."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lab.bench import wrk
from lab.bench.answering import LAST_BREATH, Answering
from lab.bench.peak import watched
from lab.bench.process_tree import stolen
from lab.bench.void import VoidError
from lab.bench.workloads import Workload

CPU_US = {"server": "cpu_us", "proxy": "proxy_cpu_us", "load": "load_cpu_us"}
"""The figure that says what a request costs each group of processes, in microseconds of CPU."""

WARM_UP = 1
"""Seconds at full load, not counted: caches fill, threads start, lazy imports happen."""

Figures = dict[str, float]


def command(workload: Workload, bind: str, core: int, connections: int, seconds: int) -> list[str]:
    """The command line of the load: wrk, or over a Unix socket what does the same."""
    more = wrk.asking(workload)
    if not bind.startswith("unix:"):
        url = f"http://{bind}{workload.path}"
        return wrk.command(url, core, connections, seconds, more)
    program = [Path(sys.executable).name, "-m", "lab.bench.closed_loop"]
    asked = [bind, workload.path, str(connections), str(seconds)]
    return ["taskset", "-c", str(core), *program, *asked, *more[1:]]


def measure(
    server: Answering, warm_up: Sequence[str], command: Sequence[str], seconds: int
) -> Figures:
    """Checks the answer, warms up, runs wrk by ``command``, checks again.  Raises VoidError.

    wrk itself counts a redirect as success; the two checks do not.
    """
    server.check()
    drive(server, warm_up, WARM_UP)
    server.check()  # answered behind all that the warm-up left, which would count as waiting
    before, began, stolen_before = server.processes(), server.cpu(), stolen()
    with watched(server.held) as peak:
        load = drive(server, command, seconds)
    server.require_same(before)
    used = {name: cpu - began[name] for name, cpu in server.cpu().items()}
    server.check()
    return {
        "requests": load.requests,
        "requests_per_second": load.requests / load.seconds,
        **{CPU_US[name]: cpu / load.requests * 1e6 for name, cpu in used.items()},
        CPU_US["load"]: load.cpu / load.requests * 1e6,
        "p50_ms": load.p50,
        "p90_ms": load.p90,
        "p99_ms": load.p99,
        "max_ms": load.max,
        **peak.figures,
        **{f"{name}_busy": cpu / load.seconds for name, cpu in used.items()},
        "load_busy": load.cpu / load.seconds,
        "stolen": (stolen() - stolen_before) / load.seconds,
    }


def drive(server: Answering, command: Sequence[str], seconds: int) -> wrk.Load:
    """Runs wrk against a server.  Raises VoidError, with the server's end where that is why."""
    try:
        return wrk.run(command, seconds)
    except VoidError:
        server.require_alive(LAST_BREATH)
        raise
