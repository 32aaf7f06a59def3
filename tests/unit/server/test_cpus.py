"""`--workers auto`: as many as there are CPUs for them."""

import os
from math import inf
from pathlib import Path

import pytest
from paceline.settings.cpus import granted, quota

AVAILABLE = len(os.sched_getaffinity(0))


def cgroup(root: Path, files: dict[str, str], lines: str = "0::/") -> tuple[Path, Path]:
    for name, text in files.items():
        (root / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "fs" / name).write_text(text)
    (root / "membership").write_text(f"{lines}\n")
    return root / "fs", root / "membership"


@pytest.mark.parametrize(
    ("files", "lines", "cpus"),
    [
        ({}, "0::/", inf),
        ({"cpu.max": "max 100000"}, "0::/", inf),
        ({"cpu.max": "150000 100000"}, "0::/", 1.5),
        ({"cpu.max": "max 100000", "a/cpu.max": "50000 100000"}, "0::/a/b", 0.5),
        ({"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, "0::/a/b", 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu,cpuacct:/", inf),
        (
            {"cpu/a/cpu.cfs_quota_us": "25000", "cpu/a/cpu.cfs_period_us": "100000"},
            "4:cpu:/a",
            0.25,
        ),
        ({"cpu.max": "nonsense"}, "0::/", inf),
        ({"cpu.max": "1 0"}, "0::/", inf),
    ],
)
def test_the_strictest_of_the_limits_above_counts(
    tmp_path: Path, files: dict[str, str], lines: str, cpus: float
) -> None:
    assert quota(*cgroup(tmp_path, files, lines)) == cpus


def test_half_a_cpu_is_one_worker(tmp_path: Path) -> None:
    assert granted(*cgroup(tmp_path, {"cpu.max": "50000 100000"})) == 1


def test_no_more_than_this_process_may_run_on(tmp_path: Path) -> None:
    assert granted(*cgroup(tmp_path, {"cpu.max": "9900000 100000"})) == AVAILABLE
    assert granted(tmp_path, tmp_path / "missing") == AVAILABLE
