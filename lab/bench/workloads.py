"""What is asked of the servers, each workload declared once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.bench import apps
from lab.serve import APPS, WEBAPP
from lab.stack.layout import REPO

CONNECTIONS = 32
"""Connections of the load: more than a pool of 8 threads, so that the threads are what counts."""

WAIT_MS = round(apps.WAIT * 1000)
CPU_MS = 5
IDLE = 5_000

DJANGO = ":".join(APPS["django"])


@dataclass(frozen=True)
class Workload:
    """A request to one application, and what its answer must be.

    ``arguments`` are for the servers of servers.toml by their name.  With ``idle`` the workload is
    not load but that many connections that were used once and are kept.
    """

    name: str
    summary: str
    application: str
    folder: Path
    path: str
    accepts: Callable[[bytes], bool]
    floor: bool = False
    idle: int = 0
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)


def exactly(expected: bytes) -> Callable[[bytes], bool]:
    """Accepts one body."""
    return lambda body: body == expected


def json_with(condition: Callable[[dict[str, object]], bool]) -> Callable[[bytes], bool]:
    """Accepts a JSON object for which the condition holds."""

    def accepts(body: bytes) -> bool:
        try:
            answer = json.loads(body)
        except ValueError:
            return False
        return isinstance(answer, dict) and condition(answer)

    return accepts


def took(what: str, ms: float) -> Callable[[dict[str, object]], bool]:
    """Holds where the application says that it took at least so many milliseconds."""

    def holds(answer: dict[str, object]) -> bool:
        taken = answer.get(what)
        return isinstance(taken, float) and taken >= ms

    return holds


def _keep(number: int) -> dict[str, Sequence[str]]:
    """How servers are told to hold more connections than their default of 1,000."""
    option = ("--worker-connections", str(number))
    return {"paceline": option, "gunicorn": option}


_ALL = (
    Workload(
        "hello",
        "plain WSGI, 13 bytes",
        "lab.bench.apps:hello",
        REPO,
        "/",
        exactly(apps.HELLO),
        floor=True,
    ),
    Workload(
        "django-json",
        "a JSON view of Django, with the middleware of a new project",
        DJANGO,
        WEBAPP,
        "/workload/json/",
        json_with(lambda answer: answer.get("message") == "Hello, world"),
    ),
    Workload(
        "wait",
        f"plain WSGI that waits {WAIT_MS} ms",
        "lab.bench.apps:wait",
        REPO,
        "/",
        exactly(apps.WAITED),
    ),
    Workload(
        "django-wait",
        f"a view of Django that waits {WAIT_MS} ms",
        DJANGO,
        WEBAPP,
        f"/workload/io/?ms={WAIT_MS}",
        json_with(took("wall_ms", WAIT_MS)),
    ),
    Workload(
        "django-cpu",
        f"a view of Django that uses {CPU_MS} ms of CPU and holds the GIL",
        DJANGO,
        WEBAPP,
        f"/workload/cpu/?ms={CPU_MS}",
        json_with(took("cpu_ms", CPU_MS)),
    ),
    Workload(
        "idle",
        f"plain WSGI, 13 bytes, one client beside {IDLE:,} idle keep-alive connections",
        "lab.bench.apps:hello",
        REPO,
        "/",
        exactly(apps.HELLO),
        idle=IDLE,
        arguments=_keep(IDLE + 1_000),
    ),
)

WORKLOADS = {workload.name: workload for workload in _ALL}
