"""How long a thread has run, or was ready to run: what tells a busy thread from a blocked one."""

import os
import threading
import time
import weakref
from collections.abc import Callable


def running_clock() -> Callable[[], float]:
    """Return a clock, in seconds, of the calling thread; any thread may read it.

    On Linux it counts the time on a core and the time of waiting for one, since a thread that other
    processes keep off its core is not blocked.  Elsewhere it counts CPU time alone, of the thread
    where the system can tell, else of the process.
    """
    path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
    try:
        # "ran waited slices", the first two in nanoseconds (Documentation/scheduler/sched-stats)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        sum(map(int, os.pread(descriptor, 64, 0).split()[:2]))
    except (OSError, ValueError):
        return _cpu_clock()

    def ran() -> float:
        on_core, waited, _ = os.pread(descriptor, 64, 0).split()
        return (int(on_core) + int(waited)) / 1e9

    # Where a model ends and its process goes on, as in a test, no descriptor is left over.
    weakref.finalize(ran, os.close, descriptor).atexit = False
    return ran


def _cpu_clock() -> Callable[[], float]:
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)
