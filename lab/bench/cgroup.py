"""What a container uses, by its cgroup, or by what the engine tells of it.

A cgroup is a folder (cgroups(7)).  In version 1 each controller has a tree of its own, in version 2
one tree has all; where both are mounted, a controller is in the one or in the other.
"""

import http.client
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.stack.answers import UnixConnection

UNIFIED = ""
"""Stands for all controllers of version 2 among those of version 1."""

PROC = Path("/proc")


class Group(ABC):
    """A container's processes.  What cannot be read, as of one that has ended, raises OSError."""

    @abstractmethod
    def cpu(self) -> float:
        """CPU seconds that it has used so far, user and system."""

    @abstractmethod
    def memory(self) -> float:
        """The most KiB that it has had, with files that it has read; where no peak is kept, now."""

    @abstractmethod
    def threads(self) -> int:
        """Of all its processes."""

    @abstractmethod
    def processes(self) -> frozenset[int]:
        """The pids, as this machine or the engine's has them."""


@dataclass(frozen=True)
class Cgroup(Group):
    """Read from the folders of its controllers."""

    folders: Mapping[str, Path]

    @classmethod
    def of(cls, pid: int, container: str, proc: Path = PROC) -> "Cgroup":
        """That of a container's first process.  Raises OSError where it is not found here."""
        trees = dict(_mounted((proc / "self" / "mountinfo").read_text()))
        folders = dict[str, Path]()
        for line in (proc / str(pid) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for name in controllers.split(","):
                # The engine may run elsewhere, and its pids be those of others here.
                if container in path and name in trees:
                    folders[name] = trees[name] / path.lstrip("/")
        if not folders:
            raise FileNotFoundError(f"process {pid} of this machine is none of the container's")
        return cls(folders)

    def cpu(self) -> float:
        """Version 1 counts nanoseconds, version 2 microseconds."""
        if "cpuacct" in self.folders:
            return int(self._read("cpuacct", "cpuacct.usage")) / 1e9
        table = dict(line.split() for line in self._read("cpu", "cpu.stat").splitlines())
        return int(table["usage_usec"]) / 1e6

    def memory(self) -> float:
        """Version 2 keeps a peak from Linux 5.19 on."""
        for name in ("memory.max_usage_in_bytes", "memory.peak"):
            if self._file("memory", name).exists():
                return int(self._read("memory", name)) / 1024
        return int(self._read("memory", "memory.current")) / 1024

    def threads(self) -> int:
        """What the controller `pids` counts are threads."""
        return int(self._read("pids", "pids.current"))

    def processes(self) -> frozenset[int]:
        """These are pids."""
        return frozenset(map(int, self._read("pids", "cgroup.procs").split()))

    def _file(self, controller: str, name: str) -> Path:
        folder = self.folders.get(controller) or self.folders.get(UNIFIED)
        if folder is None:
            raise FileNotFoundError(f"there is no cgroup of the controller {controller}")
        return folder / name

    def _read(self, controller: str, name: str) -> str:
        return self._file(controller, name).read_text()


def _mounted(mountinfo: str) -> Iterator[tuple[str, Path]]:
    """Where each controller's tree is, as proc_pid_mountinfo(5) has it."""
    for line in mountinfo.splitlines():
        mount, _, filesystem = line.partition(" - ")
        kind, _, options = filesystem.split(" ", 2)
        names = {"cgroup": options.split(","), "cgroup2": [UNIFIED]}.get(kind, [])
        yield from ((name, Path(mount.split()[4])) for name in names)


@dataclass(frozen=True)
class Told(Group):
    """Asked of the engine by its API: https://docs.docker.com/reference/api/engine/."""

    socket: str
    container: str

    def cpu(self) -> float:
        """It counts nanoseconds."""
        used = self._stats().get("cpu_stats", {}).get("cpu_usage", {})
        if "total_usage" not in used:
            raise OSError("the engine does not tell the container's CPU")
        return float(used["total_usage"]) / 1e9

    def memory(self) -> float:
        """It tells a peak where the cgroup is of version 1."""
        memory = self._stats().get("memory_stats", {})
        return float(memory.get("max_usage") or memory.get("usage", 0)) / 1024

    def threads(self) -> int:
        """As the cgroup counts them."""
        return int(self._stats().get("pids_stats", {}).get("current", 0))

    def processes(self) -> frozenset[int]:
        """By ps, which the engine runs outside of the container."""
        table = self._ask("top")
        pid = table["Titles"].index("PID")
        return frozenset(int(row[pid]) for row in table["Processes"])

    def _stats(self) -> dict[str, Any]:
        return self._ask("stats?stream=false&one-shot=true")

    def _ask(self, what: str) -> dict[str, Any]:
        try:
            with closing(UnixConnection(self.socket)) as connection:
                connection.request("GET", f"/containers/{self.container}/{what}")
                answer = connection.getresponse()
                found: dict[str, Any] = json.load(answer)
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"the engine's answer is none: {error}") from None
        if answer.status != http.client.OK:
            raise OSError(f"the engine says: {found.get('message', answer.status)}")
        return found


def of_container(pid: int, container: str, endpoint: str) -> Group:
    """What can be read of a container: its cgroup, else what the engine at ``endpoint`` tells.

    Raises OSError where neither can.
    """
    reasons = []
    socket = endpoint.removeprefix("unix://")
    for make in (lambda: Cgroup.of(pid, container), lambda: Told(socket, container)):
        try:
            found: Group = make()
            for read in (found.cpu, found.memory, found.threads, found.processes):
                read()
        except OSError as error:
            reasons.append(str(error))
        else:
            return found
    raise OSError(
        f"what the container uses cannot be read, neither from its cgroup ({reasons[0]}) nor by "
        f"Docker's API at {endpoint} ({reasons[1]})"
    )
