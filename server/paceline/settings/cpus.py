"""How many CPUs this process may use at once: by its affinity, and by what its cgroup grants."""

import math
import os
from pathlib import Path

from paceline.settings import cgroup


def granted(root: Path = cgroup.ROOT, membership: Path = cgroup.MEMBERSHIP) -> int:
    """Return a whole number, at least 1; half a CPU is one."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, math.ceil(min(available or 1, quota(root, membership))))


def quota(root: Path, membership: Path) -> float:
    """Return CPUs by the strictest limit of this cgroup and those above it; infinite without one.

    Version 2 keeps ``cpu.max`` in each group, version 1 two files below ``cpu``.
    """
    least = math.inf
    for group in cgroup.groups("cpu", root, membership):
        for read in (_version_2, _version_1):
            least = min(least, read(group))
    return least


def _version_2(group: Path) -> float:
    try:
        most, period = (group / "cpu.max").read_text().split()
        return int(most) / int(period) if most != "max" else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _version_1(group: Path) -> float:
    try:
        most = int((group / "cpu.cfs_quota_us").read_text())
        return most / int((group / "cpu.cfs_period_us").read_text()) if most > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
