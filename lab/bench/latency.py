"""Latencies at shares of the rate that a server was found to reach, by the open loop."""

import json
import subprocess
import sys
from dataclasses import asdict

from lab.bench.answering import Answering
from lab.bench.open_loop import PATIENCE, Found, Job, histogram
from lab.bench.void import VoidError
from lab.stack.layout import REPO
from lab.stack.processes import die_with_parent

SHARES = (50, 70, 90)
"""Per cent of the rate."""

PERCENTILES = (50, 90, 99)
GRACE = 15.0
"""Seconds past its time and patience after which the open loop is taken to hang."""


def measure(
    server: Answering, rate: float, connections: int, seconds: int
) -> tuple[dict[str, float], dict[str, str]]:
    """Figures in milliseconds at each share of ``rate``, and whole histograms as encoded texts.

    ``lag_share`` is the highest share of a p99 that the loop itself was late.  Raises VoidError.
    """
    figures, histograms, lags = dict[str, float](), dict[str, str](), []
    request = server.workload.request(server.host)
    for share in SHARES:
        server.check()
        asked = rate * share / 100
        found = run(Job(server.bind, request, connections, asked, seconds))
        latency, lag = histogram(found.latency), histogram(found.lag)
        for percent in PERCENTILES:
            figures[f"at{share}_p{percent}_ms"] = latency.get_value_at_percentile(percent) / 1000
        figures[f"at{share}_max_ms"] = latency.get_max_value() / 1000
        lags.append(lag.get_value_at_percentile(99) / latency.get_value_at_percentile(99))
        histograms |= {f"at{share}_latency": found.latency, f"at{share}_lag": found.lag}
    return {**figures, "lag_share": max(lags)}, histograms


def run(job: Job) -> Found:
    """Does a job in a process of its own, on the cores of this one.  Raises VoidError."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lab.bench.open_loop"],
            input=json.dumps(asdict(job)),
            cwd=REPO,
            capture_output=True,
            text=True,
            check=False,
            timeout=job.seconds + PATIENCE + GRACE,
            start_new_session=True,  # Ctrl-C is for us alone
            preexec_fn=die_with_parent,
        )
    except subprocess.TimeoutExpired:
        raise VoidError("the open loop did not end") from None
    if done.returncode:
        raise VoidError(f"the open loop failed: {done.stderr.strip().splitlines()[-1:]}")
    found = Found(**json.loads(done.stdout))
    if found.error:
        raise VoidError(f"at {job.rate:,.0f} requests/s: {found.error}")
    return found
