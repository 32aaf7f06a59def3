"""Where memory runs out: whom the kernel kills, and what is said of it."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paceline.config import Config
from paceline.process import oom
from paceline.process.endings import AT_ONCE, Endings
from paceline.process.worker import Worker

from tests.unit.server.supervised import APPLICATION, Server, children
from tests.unit.server.test_cpus import cgroup

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
NO_LIMIT = str((1 << 63) - 4096)
EVENTS = "low 0\nhigh 0\nmax 7\noom 4\noom_kill 3\noom_group_kill 1\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"


@pytest.mark.parametrize(
    ("files", "lines", "least"),
    [
        ({}, "0::/", MACHINE),
        ({"memory.max": "max"}, "0::/", MACHINE),
        ({"memory.max": "1048576"}, "0::/", 1 << 20),
        ({"a/memory.max": "2097152", "a/b/memory.max": "max"}, "0::/a/b", 2 << 20),
        ({"memory/memory.limit_in_bytes": NO_LIMIT}, "4:memory:/", MACHINE),
        ({"memory/memory.limit_in_bytes": "4096"}, "4:memory:/docker/not-seen-here", 4096),
        ({"memory/a/memory.limit_in_bytes": "8192"}, "4:cpu,memory:/a", 8192),
        ({"memory/a/memory.limit_in_bytes": "8192"}, "4:cpu:/a", MACHINE),
    ],
)
def test_the_strictest_limit_of_memory_counts(
    tmp_path: Path, files: dict[str, str], lines: str, least: int
) -> None:
    assert oom.limit(*cgroup(tmp_path, files, lines)) == least


@pytest.mark.parametrize(
    ("files", "lines", "count"),
    [
        ({"a/memory.events": EVENTS}, "0::/a", 3),
        ({"memory.events": EVENTS}, "0::/", 3),
        ({"memory.events": EVENTS, "a/memory.events": "oom_kill 1\n"}, "0::/a", 1),
        ({"memory/memory.oom_control": CONTROL}, "4:memory:/docker/not-seen-here", 2),
        ({"memory/memory.oom_control": "oom_kill_disable 0\n"}, "4:memory:/", 9),  # before 4.13
        ({}, "0::/", 9),
    ],
)
def test_kills_are_those_of_its_own_group_if_it_counts_them(
    tmp_path: Path, files: dict[str, str], lines: str, count: int
) -> None:
    machine = tmp_path / "vmstat"
    machine.write_text("pgfault 5\noom_kill 9\n")
    assert oom.kills(*cgroup(tmp_path, files, lines), machine) == count


def test_where_nothing_counts_them_there_is_no_number(tmp_path: Path) -> None:
    assert oom.kills(*cgroup(tmp_path, {}), tmp_path / "missing") is None


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(1, Config(), None)
    yield worker
    worker.close()


class Counter:
    """The kernel's, as the test sets it."""

    def __init__(self, count: int | None) -> None:
        self.count = count

    def __call__(self) -> int | None:
        return self.count


class TestWords:
    def test_of_one_that_the_kernel_has_killed_for_memory(self, worker: Worker) -> None:
        counter = Counter(5)
        endings = Endings(counter)
        counter.count = 6
        said = f"was ended by SIGKILL: out of memory (the limit is {oom.limit() >> 20} MiB)"
        assert endings.in_words(worker, -signal.SIGKILL) == said

    def test_of_two_that_it_has_killed_at_once(self, worker: Worker) -> None:
        counter = Counter(0)
        endings = Endings(counter)
        counter.count = 2
        for _ in range(2):
            assert "out of memory" in endings.in_words(worker, -signal.SIGKILL)

    def test_of_one_that_somebody_has_killed_later(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counter = Counter(0)
        endings = Endings(counter)
        counter.count = 1
        clock = iter([10.0, 10.1 + AT_ONCE])
        monkeypatch.setattr("paceline.process.endings.time.monotonic", lambda: next(clock))
        assert "out of memory" in endings.in_words(worker, -signal.SIGKILL)
        said = "was ended by SIGKILL, not by the kernel for memory"
        assert endings.in_words(worker, -signal.SIGKILL) == said

    def test_where_the_kernel_does_not_count(self, worker: Worker) -> None:
        said = "was ended by SIGKILL (out of memory?)"
        assert Endings(Counter(None)).in_words(worker, -signal.SIGKILL) == said

    def test_of_one_that_its_supervisor_has_killed(self, worker: Worker) -> None:
        worker.killed = True
        assert Endings(Counter(0)).in_words(worker, -signal.SIGKILL) == "was ended by SIGKILL"

    def test_of_one_that_was_ending_and_did_not_come_to_it(self, worker: Worker) -> None:
        counter = Counter(0)
        endings, worker.leaving, counter.count = Endings(counter), True, 1
        assert "out of memory" in endings.in_words(worker, -signal.SIGKILL)

    def test_of_other_ends(self, worker: Worker) -> None:
        endings = Endings(Counter(0))
        assert endings.in_words(worker, -signal.SIGSEGV) == "was ended by SIGSEGV"
        assert endings.in_words(worker, 0) == "is done"
        assert endings.in_words(worker, 3) == "has exited with status 3"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("inherited", [0, 300, 999])
def test_a_worker_counts_for_more_than_all_that_its_supervisor_has(
    tmp_path: Path, inherited: int
) -> None:
    def score(pid: int) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    before = "sh", "-c", f'echo {inherited} >/proc/self/oom_score_adj; exec "$@"', "sh"
    loads = APPLICATION + "\nBALLAST = b'b' * (64 << 20)\n"
    with Server(tmp_path, "--preload", application=loads, before=before) as server:
        (worker,) = children(server.ready().pid)
        assert score(server.pid) == inherited
        raised = (score(worker) - inherited) / oom.MOST * oom.limit()
        assert raised > 64 << 20 or score(worker) == oom.MOST
