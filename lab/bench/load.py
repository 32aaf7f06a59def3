"""One run under load: how many requests per second, and what each of them cost."""

from collections.abc import Sequence

from lab.bench import wrk
from lab.bench.peak import watched
from lab.bench.process_tree import stolen, usage
from lab.bench.running import LAST_BREATH, Started
from lab.bench.void import VoidError

WARM_UP = 1
"""Seconds at full load, not counted: caches fill, threads start, lazy imports happen."""

Figures = dict[str, float]


def measure(
    server: Started, warm_up: Sequence[str], command: Sequence[str], seconds: int
) -> Figures:
    """Checks the answer, warms up, runs wrk by ``command``, checks again.  Raises VoidError.

    wrk itself counts a redirect as success; the two checks do not.
    """
    server.check()
    drive(server, warm_up, WARM_UP)
    server.check()  # answered behind all that the warm-up left, which would count as waiting
    before, stolen_before = usage(server.pid), stolen()
    with watched(server.pid) as peak:
        load = drive(server, command, seconds)
    used = server.require_same(before).cpu - before.cpu
    server.check()
    return {
        "requests": load.requests,
        "requests_per_second": load.requests / load.seconds,
        "cpu_us": used / load.requests * 1e6,
        "p50_ms": load.p50,
        "p90_ms": load.p90,
        "p99_ms": load.p99,
        "max_ms": load.max,
        **peak.figures(),
        "server_busy": used / load.seconds,
        "load_busy": load.cpu / load.seconds,
        "stolen": (stolen() - stolen_before) / load.seconds,
    }


def drive(server: Started, command: Sequence[str], seconds: int) -> wrk.Load:
    """Runs wrk against a server.  Raises VoidError, with the server's end where that is why."""
    try:
        return wrk.run(command, seconds)
    except VoidError:
        server.require_alive(LAST_BREATH)
        raise
