"""The application of a stack on this machine, as its server was started: read from /proc."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.bench.process_tree import kibibytes, usage
from lab.errors import LabError
from lab.serve import places

MEMORY = Path("/proc/meminfo")
LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Of a container, by the newer and the older kind of control groups; bytes, or `max`."""

TELLING = ("LAB_TELEMETRY", "LAB_TRACE", "LAB_WSGI", "LAB_SERVER", "BIND")
"""Variables for the lab's own parts, without which nothing is traced."""


@dataclass(frozen=True)
class Served:
    """``application`` is module:callable, ``folder`` the server's working directory.

    ``programs`` is the folder with the Python that runs it.
    """

    server: str
    application: str
    folder: Path
    programs: Path
    environ: Mapping[str, str]

    @property
    def now(self) -> Mapping[str, str]:
        """The words with which the server runs, those that were given."""
        words = ("CONCURRENCY", "WORKERS", "THREADS")
        given = {name: self.environ[name] for name in words if self.environ.get(name)}
        return {"SERVER": self.server, **given}

    @property
    def place(self) -> Path:
        """Where its module is, so that a server started there finds it."""
        top = self.application.partition(":")[0].partition(".")[0]
        found = (p for p in places(self.folder) if (p / top).is_dir() or (p / f"{top}.py").exists())
        return next(found, self.folder)


def served(pid: int) -> Served:
    """What the server's first process was started for.

    Raises LabError where that cannot be read: it has ended, or this is no Linux.
    """
    process = Path(f"/proc/{pid}")
    try:
        pairs = (process / "environ").read_bytes().decode(errors="surrogateescape").split("\0")
        first = (process / "cmdline").read_bytes().split(b"\0")[0]
        folder = Path(os.readlink(process / "cwd"))
    except OSError as error:
        raise LabError(f"cannot read how the server (pid {pid}) runs: {error}") from error
    environ = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if "LAB_WSGI" not in environ:
        raise LabError(f"the server (pid {pid}) does not say which application it serves")
    return Served(
        environ["LAB_SERVER"],
        environ["LAB_WSGI"],
        folder,
        Path(os.fsdecode(first)).parent,
        {name: value for name, value in environ.items() if name not in TELLING},
    )


def worker_memory(leader: int) -> float | None:
    """MiB of the largest of a server's processes; None where nobody can tell.

    It counts pages that several share for each of them: that is rather too much than too little.
    """
    largest = 0
    for pid in usage(leader).pids:
        try:
            largest = max(largest, kibibytes(Path(f"/proc/{pid}/status"), "VmRSS:"))
        except OSError:
            continue  # it ended meanwhile
    return largest / 1024 if largest else None


def available_memory() -> float | None:
    """MiB that processes more may take here; None where nobody can tell."""
    try:
        free = kibibytes(MEMORY, "MemAvailable:") / 1024
    except OSError:
        return None
    for path in LIMITS:
        try:
            free = min(free, int(path.read_text()) / 2**20)
        except (OSError, ValueError):
            continue  # not there, or `max`
    return free or None
