"""Where memory runs out: whom the kernel kills then, and whether it did (its "OOM killer").

It takes the process with the most memory, be all of the machine's gone or all that a cgroup may
have, and counts ``oom_score_adj`` thousandths of the whole as if the process had them too; see
proc(5).  A supervisor that has loaded the application can be the largest of its family, and with it
everything ends.  So a worker counts for as much more as the supervisor has: whatever both have
grown to, a worker goes first.  Every process may raise its own; only root may lower it.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from paceline.process import procfs
from paceline.settings import cgroup

MOST = 1000
"""oom_score_adj of a process that is always taken first; also the parts of the whole."""

SCORE = Path("/proc/self/oom_score_adj")


def go_before(supervisor: int) -> None:
    """Have this process killed before its supervisor, if the system knows of such a choice."""
    _, size = procfs.usage(supervisor)
    if size is None:
        return
    share = math.ceil(MOST * size / limit())
    with suppress(OSError, ValueError):
        SCORE.write_text(str(min(MOST, int(SCORE.read_text()) + share)))


def limit(root: Path = cgroup.ROOT, membership: Path = cgroup.MEMBERSHIP) -> int:
    """Return bytes: the strictest limit of this cgroup and those above, or the machine's memory."""
    least = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _files(root, membership, "memory.max", "memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # ValueError: "max", which is no limit
            least = min(least, int(path.read_text()))
    return least


def kills(
    root: Path = cgroup.ROOT,
    membership: Path = cgroup.MEMBERSHIP,
    machine: Path = Path("/proc/vmstat"),
) -> int | None:
    """Return how many processes were killed for memory: of this cgroup, else of the machine."""
    for path in (*_files(root, membership, "memory.events", "memory.oom_control"), machine):
        with suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return None


def _files(root: Path, membership: Path, *names: str) -> Iterator[Path]:
    """Of the innermost group first; the names are those of versions 2 and 1."""
    for group in cgroup.groups("memory", root, membership):
        yield from (group / name for name in names)
