"""On what is measured: the machine, the versions, and which core is whose."""

import os
import platform
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lab.bench import wrk
from lab.stack.layout import REPO

CPU = Path("/sys/devices/system/cpu")
PACKAGES = (
    "paceline django gunicorn gevent waitress cheroot granian pyuwsgi bjoern mod_wsgi-standalone"
).split()
"""Of which the versions are told, where they are installed."""

LOAD_OF_OTHERS = 0.3
"""Processes that run on average, from which on others are said to disturb the measuring."""


@dataclass(frozen=True)
class Cores:
    """The core of the server, that of the load, and what is wrong with them, for people.

    ``proxy`` is None where there is none for it; then it runs on the load's.  ``spare`` are left.
    """

    server: int
    load: int
    warning: str = ""
    proxy: int | None = None
    spare: tuple[int, ...] = ()

    @property
    def of_proxy(self) -> int:
        """The core of the proxy, where there is one."""
        return self.load if self.proxy is None else self.proxy

    def of_server(self, workers: int) -> list[int]:
        """A core for each worker, as far as there are; last those of proxy and load."""
        order = dict.fromkeys([self.server, *self.spare, self.of_proxy, self.load])
        return sorted(list(order)[:workers])

    def __str__(self) -> str:
        """For people."""
        proxy = "" if self.proxy is None else f", {self.proxy} for nginx"
        return f"{self.server} for the server, {self.load} for the load{proxy}"

    def shared(self, workers: int, proxied: bool) -> str:
        """Who shares a core with whom, for people; empty where nobody does."""
        ours = self.of_server(workers)
        others = {"load": self.load, **({"nginx": self.of_proxy} if proxied else {})}
        with_server = [name for name, core in others.items() if core in ours]
        said = [f"nginx and load share core {self.load}"] if proxied and self.proxy is None else []
        if with_server and self.load != self.server:
            said.append(
                f"with {workers} workers the server has the core of {' and '.join(with_server)} too"
            )
        return "; ".join(said)


def choose_cores(allowed: Collection[int], siblings: Mapping[int, Collection[int]]) -> Cores:
    """Two cores that share nothing, as far as there are; ``siblings`` are threads of one core."""
    server, *others = sorted(allowed)
    apart = [core for core in others if core not in siblings.get(server, ())]
    if apart:
        load = apart[0]
        for_proxy = [core for core in apart[1:] if core not in siblings.get(load, ())]
        proxy = for_proxy[0] if for_proxy else None
        near = {server, *siblings.get(load, ()), *siblings.get(proxy or load, ())}
        left = [core for core in others if core not in (load, proxy)]
        spare = tuple(sorted(left, key=lambda core: (core in near, core)))
        return Cores(server, load, proxy=proxy, spare=spare)
    if others:
        return Cores(
            server,
            others[0],
            "server and load run on two threads of one core and slow each other down",
        )
    return Cores(
        server,
        server,
        "one core for server and load, which take turns: requests per second and latencies tell "
        "little here, CPU per request still does",
    )


def these_cores() -> Cores:
    """The choice for the cores that this process may use."""
    allowed = os.sched_getaffinity(0)
    return choose_cores(allowed, {core: siblings(core) for core in allowed})


def siblings(core: int) -> set[int]:
    """The threads of a core, written as ``0-1`` or ``0,4``; empty where Linux does not tell."""
    try:
        text = (CPU / f"cpu{core}/topology/thread_siblings_list").read_text()
    except OSError:
        return set()
    spans = [span.partition("-") for span in text.strip().split(",")]
    return {core for low, _, high in spans for core in range(int(low), int(high or low) + 1)}


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keeps this process on one core; what it starts begins there too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def facts() -> dict[str, str]:
    """The machine and every version that matters, for people."""
    return {
        "CPU": f"{cpu_model()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": python(),
        **{name: found for name in PACKAGES if (found := package_version(name))},
        "wrk": wrk.version(),
        "commit": commit(),
    }


def disturbed() -> str:
    """A warning where others are at work on this machine; empty where not."""
    load = os.getloadavg()[0]
    if load < LOAD_OF_OTHERS:
        return ""
    return f"the machine was not quiet when this began (load average {load:.1f})"


def cpu_model() -> str:
    """The name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()  # ARM kernels give no name


def python() -> str:
    """This Python, as in `CPython 3.13.5`."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def package_version(name: str) -> str:
    """The version of a package in this environment; empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def commit() -> str:
    """The commit that is checked out, with a mark where files differ from it."""
    describe = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(describe, cwd=REPO, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
