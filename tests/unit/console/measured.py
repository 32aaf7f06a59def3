"""Files of results for the bench's pages, which nothing was measured for."""

from collections.abc import Mapping
from pathlib import Path

from lab.bench.results import Results, Run

MACHINE = {
    "CPU": "Z80, 2 cores",
    "system": "CP/M",
    "Python": "CPython 3.13",
    "cores": "0 for the server, 1 for the load",
    "commit": "a1b2c3d",
    "load": "32 connections, 5 rounds of 2 s",
    "date": "2026-11-26 07:40 UTC",
}


def written(
    path: Path,
    rates: Mapping[str, float],
    plan: Mapping[str, object] | None = None,
    connections: int = 32,
    **facts: str,
) -> None:
    """Results of ``hello`` whose servers reach these rates, a little more in each of 5 rounds."""
    runs = [
        Run("hello", server, turn, (), figures(rate * (1 + turn / 1_000)), connections=connections)
        for turn in range(1, 6)
        for server, rate in rates.items()
    ]
    Results({**MACHINE, **facts}, ["hello"], [*rates], runs, plan).save(path)


def figures(rate: float) -> dict[str, float]:
    """Those of a server that uses a whole core."""
    return {
        "requests_per_second": rate,
        "cpu_us": 1e6 / rate,
        "p99_ms": 32e3 / rate,
        "peak_rss_kib": 24_000.0,
    }
