"""What a container uses: from cgroups of both versions, and as the engine tells it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.bench.cgroup import Cgroup, Told, of_container
from lab.bench.compose import endpoint
from tests.services.requirements import need
from tests.services.stack import eventually

ID = "95b8200961c9"
PID = 4711

V1 = {
    "mountinfo": (
        "31 23 0:28 / {sys} rw - tmpfs tmpfs rw,mode=755\n"
        "33 31 0:30 / {sys}/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 / {sys}/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
        "39 31 0:36 / {sys}/pids rw,relatime - cgroup cgroup rw,pids\n"
        "41 31 0:38 / {sys}/unified rw,relatime - cgroup2 cgroup2 rw\n"
    ),
    "cgroup": (
        "8:pids:/docker/{id}\n4:memory:/docker/{id}\n2:cpu,cpuacct:/docker/{id}\n"
        "1:name=systemd:/docker/{id}\n0::/system.slice/containerd.service\n"
    ),
    "files": {
        "cpu,cpuacct/docker/{id}/cpuacct.usage": "2500000000\n",
        "memory/docker/{id}/memory.max_usage_in_bytes": "2048000\n",
        "memory/docker/{id}/memory.usage_in_bytes": "1024\n",
        "pids/docker/{id}/pids.current": "5\n",
        "pids/docker/{id}/cgroup.procs": "7\n8\n",
    },
}
V2 = {
    "mountinfo": "41 31 0:38 / {sys} rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n",
    "cgroup": "0::/system.slice/docker-{id}.scope\n",
    "files": {
        "system.slice/docker-{id}.scope/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        "system.slice/docker-{id}.scope/memory.peak": "2048000\n",
        "system.slice/docker-{id}.scope/memory.current": "1024\n",
        "system.slice/docker-{id}.scope/pids.current": "5\n",
        "system.slice/docker-{id}.scope/cgroup.procs": "7\n8\n",
    },
}


def machine(place: Path, table: dict) -> Path:
    """A /proc with one process of a container in it, and the cgroups beside it."""
    said = {"sys": str(place / "cgroups"), "id": ID}
    for name, content in table["files"].items():
        path = place / "cgroups" / name.format(**said)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name, text in (
        ("self/mountinfo", table["mountinfo"]),
        (f"{PID}/cgroup", table["cgroup"]),
    ):
        path = place / "proc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**said))
    return place / "proc"


@pytest.mark.parametrize("table", [V1, V2], ids=["version 1", "version 2"])
def test_each_version_keeps_it_in_files_of_its_own(tmp_path: Path, table: dict):
    found = Cgroup.of(PID, ID, machine(tmp_path, table))
    assert found.cpu() == 2.5
    assert found.memory() == 2000
    assert found.threads() == 5
    assert found.processes() == {7, 8}


def test_an_older_kernel_keeps_no_peak(tmp_path: Path):
    proc = machine(tmp_path, V2)
    next(tmp_path.rglob("memory.peak")).unlink()
    assert Cgroup.of(PID, ID, proc).memory() == 1


def test_a_process_of_that_number_may_be_somebody_elses(tmp_path: Path):
    with pytest.raises(OSError, match="none of the container's"):
        Cgroup.of(PID, "another", machine(tmp_path, V2))


def test_where_nothing_can_be_read_both_reasons_are_said():
    with pytest.raises(OSError, match=r"cannot be read, neither .* nor by Docker's API at tcp://x"):
        of_container(0, "none", "tcp://x:2375")


@pytest.fixture
def container() -> Iterator[str]:
    """The number of a real one, whose shell uses CPU all the time, and has a child."""
    docker = need("docker")
    if sys.platform != "linux" or not endpoint().startswith("unix://"):
        pytest.skip("the engine runs elsewhere")
    burn = ("run", "--detach", "debian:trixie-slim", "sh", "-c", "sleep 600 & while :; do :; done")
    done = subprocess.run([docker, *burn], capture_output=True, text=True, check=True)
    yield done.stdout.strip()
    subprocess.run([docker, "rm", "--force", done.stdout.strip()], capture_output=True, check=True)


def test_cgroup_and_engine_tell_the_same_of_a_container(container: str):
    asked = ["docker", "inspect", "--format", "{{.State.Pid}}", container]
    pid = int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    read = Cgroup.of(pid, container)
    told = Told(endpoint().removeprefix("unix://"), container)
    eventually(lambda: len(read.processes()) == 2)
    before, said, after = read.cpu(), told.cpu(), read.cpu()
    assert 0 < before <= said <= after
    assert read.processes() == told.processes()
    assert pid in read.processes()
    assert len(read.processes()) == read.threads() == told.threads() == 2
    assert min(read.memory(), told.memory()) > 100
    assert of_container(pid, container, "tcp://nobody:1") == read
    assert of_container(0, container, endpoint()) == told
