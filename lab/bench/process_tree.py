"""What a server's processes use, by /proc (proc(5)).

A server leads a session of its own, so its processes are those of the session, whoever forked them.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds; what CPU time is counted in, mostly 10 ms."""

# Fields of /proc/PID/stat from the one behind the command's name, which may hold anything.
STATE, SESSION, UTIME, CUTIME = 0, 3, 11, 13
ZOMBIE = "Z"

STEAL = 8
"""The field of /proc/stat that counts ticks given to others; the name of its line is field 0."""


@dataclass(frozen=True)
class Usage:
    """CPU seconds that the processes have used so far, user and system, and which are alive."""

    cpu: float
    pids: frozenset[int]


@dataclass(frozen=True)
class Memory:
    """Memory of all processes, in KiB; ``pss`` counts a shared page once, None where unknown."""

    rss: int
    pss: int | None


def usage(leader: int) -> Usage:
    """The use of a session's processes, with that of children that have ended and been reaped."""
    ticks, pids = 0, set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[SESSION]) == leader:
                ticks += sum(map(int, fields[UTIME : CUTIME + 2]))
                if fields[STATE] != ZOMBIE:
                    pids.add(int(entry.parent.name))
    return Usage(ticks * TICK, frozenset(pids))


def memory(leader: int) -> Memory:
    """The memory of a session's processes.  Raises OSError where one ends meanwhile."""
    processes = [Path("/proc") / str(pid) for pid in usage(leader).pids]
    rss = sum(kibibytes(process / "status", "VmRSS:") for process in processes)
    try:
        pss = sum(kibibytes(process / "smaps_rollup", "Pss:") for process in processes)
    except (FileNotFoundError, PermissionError):
        return Memory(rss, None)
    return Memory(rss, pss)


def held(leader: int) -> dict[str, float]:
    """Memory, threads and processes of a session under the names that results have.

    Raises OSError where one ends meanwhile.
    """
    pids, known = usage(leader).pids, memory(leader)
    threads = sum(kibibytes(Path(f"/proc/{pid}/status"), "Threads:") for pid in pids)
    return {
        "peak_rss_kib": known.rss,
        **({"peak_pss_kib": known.pss} if known.pss else {}),
        "peak_threads": threads,
        "peak_processes": len(pids),
    }


def kibibytes(table: Path, name: str) -> int:
    """The number behind a name; 0 where it has no line, as for a process that has ended."""
    for line in table.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def stolen() -> float:
    """Seconds, of all cores together, in which this virtual machine was ready and not let run."""
    return int(Path("/proc/stat").read_text().split(maxsplit=STEAL + 1)[STEAL]) * TICK
