"""The statistics as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/).

Each worker has its age for a label: its counts begin at nothing and end with it, as those of any
process that is started anew.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from paceline.observe.tally import BOUNDS

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

THREAD_STATES = ("idle", "leading", "busy", "running", "blocked")

# Name, type, unit, what it says, and where it is in what a worker tells.
COUNTS = (
    ("requests", "counter", "", "Requests that were answered.", "requests"),
    ("failed", "counter", "", "Answers of 500 and above.", "failed"),
    ("refused", "counter", "", "Requests that no application saw, being malformed.", "refused"),
    ("cpu_seconds", "counter", "seconds", "CPU that the worker has used.", "cpu_seconds"),
    ("memory_bytes", "gauge", "bytes", "Resident memory.", "memory_bytes"),
    ("connections", "gauge", "", "Open connections.", "connections"),
    ("queue", "gauge", "", "Requests that no thread has taken yet.", "queue"),
    ("threads_limit", "gauge", "", "Threads that there may be.", "thread_limit"),
    (
        *("gil_wait_seconds", "gauge", "seconds"),
        *("Time that a thread just waited for the GIL.", "gil_wait"),
    ),
)
HISTOGRAMS = (
    ("duration_seconds", "From a request's bytes until its answer was made.", "duration"),
    ("queue_seconds", "Of that, until a thread had the request.", "queue_time"),
    ("since_proxy_seconds", "From when a trusted proxy sent it until then.", "since_proxy"),
)


def text(told: Mapping[str, Any]) -> bytes:
    """Return the metrics of what ``--stats`` tells as JSON."""
    workers: Sequence[Mapping[str, Any]] = told["workers"]
    lines = [
        "# TYPE paceline info",
        "# HELP paceline The server.",
        f'paceline_info{{version="{told["version"]}",model="{told["model"]}"}} 1',
    ]
    for name, kind, unit, says, key in COUNTS:
        lines += _family(name, kind, unit, says)
        suffix = "_total" if kind == "counter" else ""
        lines += [
            f'paceline_{name}{suffix}{{worker="{worker["age"]}"}} {worker[key]}'
            for worker in workers
            if worker.get(key) is not None
        ]
    lines += _family("threads", "gauge", "", "Threads by what they do.")
    lines += [line for worker in workers for line in _threads(worker)]
    for name, says, key in HISTOGRAMS:
        lines += _family(name, "histogram", "seconds", says)
        lines += [line for worker in workers for line in _histogram(name, worker, worker.get(key))]
    return "\n".join([*lines, "# EOF", ""]).encode()


def _family(name: str, kind: str, unit: str, says: str) -> list[str]:
    units = [f"# UNIT paceline_{name} {unit}"] if unit else []
    return [f"# TYPE paceline_{name} {kind}", *units, f"# HELP paceline_{name} {says}"]


def _threads(worker: Mapping[str, Any]) -> Iterator[str]:
    states = [thread["state"] for thread in worker["threads"]]
    for state in THREAD_STATES if states else ():
        labels = f'worker="{worker["age"]}",state="{state}"'
        yield f"paceline_threads{{{labels}}} {states.count(state)}"


def _histogram(
    name: str, worker: Mapping[str, Any], told: Mapping[str, Any] | None
) -> Iterable[str]:
    if told is None:
        return
    label = f'worker="{worker["age"]}"'
    counts = [*accumulate(told["buckets"])]
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], counts, strict=True):
        yield f'paceline_{name}_bucket{{{label},le="{bound}"}} {count}'
    yield f"paceline_{name}_count{{{label}}} {counts[-1]}"
    yield f"paceline_{name}_sum{{{label}}} {told['sum']}"
