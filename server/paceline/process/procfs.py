"""What the kernel tells of other processes, where there is /proc; None where there is not."""

import os

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")  # a second


def thread_clock(pid: int, native_id: int) -> float | None:
    """Seconds that a thread has run, or waited for a core."""
    try:
        with open(f"/proc/{pid}/task/{native_id}/schedstat", "rb") as file:
            on_core, waited, _ = file.read().split()
    except (OSError, ValueError):
        return None
    return (int(on_core) + int(waited)) / 1e9


def usage(pid: int) -> tuple[float | None, int | None]:
    """Seconds of CPU that a process has used, and bytes of memory that it has now (RSS)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # from the third on; proc(5)
        return (int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None, None
