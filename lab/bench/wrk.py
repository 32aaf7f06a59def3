"""The load: wrk, a closed loop of connections that ask again as soon as they are answered.

Its latencies are those of a closed loop: a slow server is asked less often, so the waiting of those
who would have come meanwhile is missing.  wrk adds samples for answers that took over twice the
mean, and these are a guess.  So servers may be compared by them, and nothing else.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.void import VoidError
from lab.bench.workloads import Workload
from lab.errors import LabError
from lab.stack.layout import REPO
from lab.stack.processes import die_with_parent

SCRIPT = Path(__file__).with_name("wrk.lua").relative_to(REPO)

GRACE = 15.0
"""Seconds past its time after which wrk is taken to hang."""


@dataclass(frozen=True)
class Load:
    """What wrk counted: seconds, answers, latencies in milliseconds, and the CPU it used itself."""

    requests: int
    seconds: float
    p50: float
    p90: float
    p99: float
    max: float
    cpu: float = 0.0


def require() -> None:
    """Raises LabError where a program that the bench needs is missing."""
    install = {
        "wrk": "apt-get install wrk (Debian, Ubuntu); elsewhere see https://github.com/wg/wrk",
        "taskset": "apt-get install util-linux",
    }
    for program, how in install.items():
        if shutil.which(program) is None:
            raise LabError(f"the bench needs {program}, which is not on PATH: {how}")


def version() -> str:
    """What wrk calls itself, such as ``debian/4.1.0``."""
    # It says so before its usage, and exits with 1.
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return said.split()[1] if said.startswith("wrk ") else "unknown"


def command(
    url: str, core: int, connections: int, seconds: int, request: Sequence[str] = ()
) -> list[str]:
    """The command line, in the repository; ``request`` is what asking() makes."""
    how = ["-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT)]
    return ["taskset", "-c", str(core), "wrk", *how, url, *request]


def asking(workload: Workload) -> list[str]:
    """What tells wrk.lua of a request that is more than a GET: the body's length, the fields."""
    if not workload.upload and not workload.headers:
        return []
    fields = [f"{name}:{value}" for name, value in workload.headers.items()]
    return ["--", str(workload.upload), *fields]


def run(command: Sequence[str], seconds: int) -> Load:
    """Runs wrk to its end and reads what it found.  Raises VoidError."""
    before = children_cpu()
    # What does the same over a Unix socket is a program of this Python, whichever is on PATH.
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    wrk = subprocess.Popen(
        command,
        cwd=REPO,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for us alone
        preexec_fn=die_with_parent,
    )
    try:
        output, _ = wrk.communicate(timeout=seconds + GRACE)
    except subprocess.TimeoutExpired:
        raise VoidError(f"wrk did not end within {seconds + GRACE:g} s") from None
    finally:
        wrk.kill()
        wrk.wait()
    return parse(output, children_cpu() - before)


def children_cpu() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def parse(output: str, cpu: float = 0.0) -> Load:
    """Reads the line that wrk.lua prints.  Raises VoidError for errors and for no answers."""
    lines = output.strip().splitlines() or [""]
    if not lines[-1].startswith("{"):
        raise VoidError(f"wrk failed: {lines[-1] or 'it said nothing'}")
    said = json.loads(lines[-1])
    errors = [
        f"{said[kind]} {meaning}"
        for kind, meaning in (
            ("connect", "connections failed"),
            ("read", "answers broke off"),
            ("write", "requests could not be sent"),
            ("timeout", "requests timed out"),
            ("status", "answers had a status of 400 or more"),
        )
        if said[kind]
    ]
    if errors:
        raise VoidError(f"{', '.join(errors)}, of {said['requests']} answered")
    if not said["requests"]:
        raise VoidError("no request was answered")
    latencies = {name: said[name] / 1000 for name in ("p50", "p90", "p99", "max")}
    return Load(said["requests"], said["microseconds"] / 1e6, cpu=cpu, **latencies)
