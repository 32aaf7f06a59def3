"""How many processes and threads: arithmetic, and nothing else.

    cpu     seconds that a request computes: its process can do nothing else, by the GIL
    wait    seconds that it is blocked: its thread can do nothing else, its process can

**Processes.**  A core, and a process that holds the GIL, does at most 1 / cpu requests a second.
So a rate needs rate x cpu cores, and more than that where they shall not be busy all the time.

**Threads.**  By Little's law (1961) rate x wait requests are blocked at one moment, on average.
Where requests come independently of each other the number is Poisson distributed, whatever the
waits are like (the infinite-server queue M/G/∞), so its standard deviation is its root, and two of
those more are enough for 97 % of the time (the square-root rule of staffing).  One thread more
computes meanwhile.
"""

import math
from dataclasses import dataclass

SERVER_CPU = 0.000_1
"""Seconds of CPU that a server itself takes for a request: 30 to 300 µs (docs/performance.md)."""

MAX_THREADS = 128
"""Of one process; past it stacks and hand-overs of the GIL weigh more than the arithmetic says."""

DEVIATIONS = 2.0
"""How many standard deviations above the mean the threads reach."""

ALONE = 0.05
"""Requests that wait at one moment, below which they are no reason for a thread of their own."""


@dataclass(frozen=True)
class Work:
    """A request on average, in seconds."""

    cpu: float
    wait: float

    @property
    def wall(self) -> float:
        """What it takes where nothing is in its way."""
        return self.cpu + self.wait

    @property
    def blocking(self) -> float:
        """The blocking coefficient: the part of its time that it waits, 0 to 1."""
        return self.wait / self.wall if self.wall else 0.0


@dataclass(frozen=True)
class Machine:
    """What there is: cores, the share of them that may be busy, and memory in MiB.

    ``worker`` is what one process takes; None is not known, of either.
    """

    cores: int
    utilisation: float = 0.7
    memory: float | None = None
    worker: float | None = None

    @property
    def most_processes(self) -> int | None:
        """For which there is memory; at least one, since nothing runs without."""
        if not self.memory or not self.worker:
            return None
        return max(1, int(self.memory / self.worker))


@dataclass(frozen=True)
class Size:
    """What to set, and what it is good for.

    ``at_work`` is how many requests are under way at one moment, on average.  ``single`` is the
    number of processes where each does one request at a time.
    """

    rate: float
    processes: int
    threads: int
    single: int
    at_work: float
    cores_busy: float
    limit: str = ""
    """What the rate, or the number of processes, was cut down to: cores, threads or memory."""


def size(work: Work, machine: Machine, rate: float | None = None) -> Size:
    """For so many requests a second; for as many as the machine can give where that is None."""
    cpu = work.cpu + SERVER_CPU
    ceiling = machine.cores * machine.utilisation / cpu  # requests a second, for the cores
    wanted, limit = (ceiling, "") if rate is None else (rate, "cores" if rate > ceiling else "")
    wanted = min(wanted, ceiling)
    processes = min(machine.cores, whole(wanted * cpu / machine.utilisation))
    if rate is None:
        carried = processes * rate_of(MAX_THREADS, work.wait)
        if carried < wanted:
            wanted, limit = carried, "threads"
    while threads_for(wanted / processes, work.wait) > MAX_THREADS:
        processes += 1
    most = machine.most_processes
    if most is not None and processes > most:
        # Each of those that there is room for may have all the threads, and no more than a core.
        wanted = min(
            wanted,
            most * rate_of(MAX_THREADS, work.wait),
            min(most, machine.cores) * machine.utilisation / cpu,
        )
        processes, limit = most, "memory"
    return Size(
        rate=wanted,
        processes=processes,
        threads=threads_for(wanted / processes, work.wait),
        single=whole(wanted * cpu / machine.utilisation + with_room(wanted * work.wait)),
        at_work=wanted * (cpu + work.wait),
        cores_busy=wanted * cpu,
        limit=limit,
    )


def threads_for(rate: float, wait: float) -> int:
    """Threads of one process that takes ``rate`` requests a second: one computes, others wait."""
    return 1 + whole(with_room(rate * wait), 0)


def with_room(mean: float) -> float:
    """Two standard deviations above the mean of what is Poisson distributed."""
    return mean + DEVIATIONS * math.sqrt(mean) if mean >= ALONE else 0.0


def rate_of(threads: int, wait: float) -> float:
    """The rate that so many threads of a process carry: threads_for() the other way round."""
    if wait <= 0:
        return math.inf
    root = math.sqrt(threads - 1 + DEVIATIONS**2 / 4) - DEVIATIONS / 2
    return root * root / wait


def whole(number: float, least: int = 1) -> int:
    """Rounded up, but for what arithmetic on floats adds."""
    return max(least, math.ceil(number - 1e-9))
