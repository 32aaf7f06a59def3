"""The arithmetic, by cases that can be done by hand."""

import math

import pytest

from lab.advise.sizing import (
    MAX_THREADS,
    SERVER_CPU,
    Machine,
    Size,
    Work,
    rate_of,
    size,
    threads_for,
)

MS = 0.001
TWO = Machine(cores=2)

COMPUTES = Work(cpu=5 * MS - SERVER_CPU, wait=0)
WAITS = Work(cpu=1 * MS - SERVER_CPU, wait=50 * MS)
MIXED = Work(cpu=5 * MS - SERVER_CPU, wait=20 * MS)
TINY = Work(cpu=0, wait=0)


@pytest.mark.parametrize(
    ("work", "machine", "rate", "expected"),
    [
        # work, machine, rate: rate, processes, threads, single, limit
        (COMPUTES, TWO, None, (280, 2, 1, 2, "")),
        (COMPUTES, Machine(8), None, (1120, 8, 1, 8, "")),
        (COMPUTES, TWO, 100, (100, 1, 1, 1, "")),
        (COMPUTES, TWO, 200, (200, 2, 1, 2, "")),
        (COMPUTES, TWO, 1000, (280, 2, 1, 2, "cores")),
        # 1,400/s x 50 ms = 70 that wait, 35 in each process: 1 + 35 + 2 x 5.92
        (WAITS, TWO, None, (1400, 2, 48, 89, "")),
        # 100/s x 50 ms = 5 that wait: 1 + 5 + 2 x 2.24
        (WAITS, TWO, 100, (100, 1, 11, 10, "")),
        # 280/s x 20 ms = 5.6 that wait, 2.8 in each: 1 + 2.8 + 2 x 1.67
        (MIXED, TWO, None, (280, 2, 8, 13, "")),
        (MIXED, Machine(2, utilisation=0.35), None, (140, 2, 5, 9, "")),
        (TINY, TWO, None, (14_000, 2, 1, 2, "")),
        # room for one process of 100 MiB: one core is all that it uses
        (COMPUTES, Machine(8, memory=150, worker=100), None, (140, 1, 1, 1, "memory")),
        (COMPUTES, Machine(8, memory=50, worker=100), None, (140, 1, 1, 1, "memory")),
        (COMPUTES, Machine(8, memory=1000, worker=100), None, (1120, 8, 1, 8, "")),
    ],
)
def test_size(
    work: Work, machine: Machine, rate: float | None, expected: tuple[float, int, int, int, str]
):
    found = size(work, machine, rate)
    assert found.rate == pytest.approx(expected[0])
    assert (found.processes, found.threads, found.single, found.limit) == expected[1:]


def test_what_waits_long_is_bound_by_threads_where_no_rate_is_said():
    found = size(Work(cpu=MS, wait=2.0), TWO)
    assert found.limit == "threads"
    assert (found.processes, found.threads) == (2, MAX_THREADS)
    # 127 = L + 2 sqrt(L), so L is 106.4 and the rate of both 106.4
    assert found.rate == pytest.approx(106.4, abs=0.1)


def test_a_rate_that_needs_more_threads_gets_more_processes_than_cores():
    found = size(Work(cpu=MS, wait=2.0), TWO, rate=300)
    assert found.limit == ""
    assert found.rate == 300
    assert found.processes == 6
    assert found.threads <= MAX_THREADS


def test_memory_bounds_these_too_and_says_what_rate_is_left():
    found = size(Work(cpu=MS, wait=2.0), Machine(2, memory=400, worker=100), rate=300)
    assert (found.processes, found.threads, found.limit) == (4, MAX_THREADS, "memory")
    assert found.rate == pytest.approx(212.7, abs=0.1)


@pytest.mark.parametrize("work", [COMPUTES, WAITS, MIXED, TINY])
@pytest.mark.parametrize("rate", [None, 1, 50, 500, 5000])
@pytest.mark.parametrize("cores", [1, 2, 16])
def test_what_is_set_can_carry_what_is_promised(work: Work, rate: float | None, cores: int):
    machine = Machine(cores)
    found: Size = size(work, machine, rate)
    assert found.cores_busy <= cores * machine.utilisation + 1e-9
    assert found.cores_busy <= found.processes * machine.utilisation + 1e-9
    assert found.at_work <= found.processes * found.threads
    assert found.at_work <= found.single
    assert rate is None or found.rate <= rate


@pytest.mark.parametrize("threads", [2, 10, MAX_THREADS])
def test_the_rate_of_threads_is_the_rate_that_needs_them(threads: int):
    assert threads_for(rate_of(threads, 0.05), 0.05) == threads
    assert threads_for(rate_of(threads, 0.05) * 1.001, 0.05) == threads + 1
    assert rate_of(threads, 0) == math.inf


def test_the_blocking_coefficient():
    assert Work(cpu=1, wait=3).blocking == 0.75
    assert TINY.blocking == 0.0
