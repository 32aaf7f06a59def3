"""Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lab.console.pages.live import threads, workers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
"""Labels and value."""


Type = Literal["counter", "gauge"]

OF_WORKERS: tuple[tuple[str, str, Type, str], ...] = (
    ("requests", "paceline_requests_total", "counter", "Requests that a worker has answered."),
    ("cpu_seconds", "paceline_cpu_seconds_total", "counter", "CPU time of a worker."),
    ("connections", "paceline_connections", "gauge", "Open connections."),
    ("queue", "paceline_queue", "gauge", "Connections that are ready and have no thread."),
    ("thread_limit", "paceline_thread_limit", "gauge", "Threads that a worker may have."),
    ("memory_bytes", "paceline_memory_bytes", "gauge", "Resident memory of a worker."),
    ("silent", "paceline_silent", "gauge", "Whether a worker does not answer."),
)
"""The key of a worker's figure, and its name, type and meaning here."""


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one name; a counter's ends in ``_total``."""

    name: str
    type: Type
    help: str
    samples: Sequence[Sample]


def exposition(families: Iterable[Family]) -> str:
    """The text; a family without samples is left out."""
    lines = []
    for family in families:
        if family.samples:
            told = family.help.replace("\\", r"\\").replace("\n", r"\n")
            lines += [f"# HELP {family.name} {told}", f"# TYPE {family.name} {family.type}"]
            lines += [sample(family.name, *each) for each in family.samples]
    return "".join(f"{line}\n" for line in lines)


def sample(name: str, labels: Mapping[str, str], value: float) -> str:
    """One line."""
    inner = ",".join(f'{key}="{escape(each)}"' for key, each in labels.items())
    return f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"


def escape(value: str) -> str:
    """A label's value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def of_servers(servers: Sequence[Mapping[str, Any]]) -> list[Family]:
    """What the servers say, as ``live.look()`` has it."""
    telling = [server for server in servers if "error" not in server]
    pairs = [(server, worker) for server in telling for worker in workers(server)]
    return [
        Family(
            "paceline_up",
            "gauge",
            "Whether the server answers.",
            [(labels(server), float("error" not in server)) for server in servers],
        ),
        Family(
            "paceline_workers",
            "gauge",
            "Worker processes.",
            [(labels(s, model=s.get("model", "")), float(len(workers(s)))) for s in telling],
        ),
        *(of_workers(pairs, *words) for words in OF_WORKERS),
        Family(
            "paceline_threads",
            "gauge",
            "Threads of a worker, by what they do.",
            [
                (labels(server, worker, state=state), float(count))
                for server, worker in pairs
                for state, count in states(worker).items()
            ],
        ),
    ]


def of_workers(
    pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
    key: str,
    name: str,
    kind: Type,
    told: str,
) -> Family:
    """One figure of each worker that tells it."""
    samples = [
        (labels(server, worker), float(worker[key]))
        for server, worker in pairs
        if isinstance(worker.get(key), int | float)
    ]
    return Family(name, kind, told, samples)


def labels(
    server: Mapping[str, Any], worker: Mapping[str, Any] | None = None, **more: object
) -> dict[str, str]:
    """Whose figure it is."""
    pid = {} if worker is None else {"worker": str(worker.get("pid", ""))}
    return {"server": str(server["name"]), **pid, **{key: str(each) for key, each in more.items()}}


def states(worker: Mapping[str, Any]) -> dict[str, int]:
    """How many threads are in which state."""
    counted: dict[str, int] = {}
    for thread in threads(worker):
        state = str(thread.get("state", ""))
        counted[state] = counted.get(state, 0) + 1
    return dict(sorted(counted.items()))
