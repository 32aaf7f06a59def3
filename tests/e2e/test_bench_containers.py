"""A bench in containers: what it finds out, and that it leaves nothing behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.bench import report
from lab.bench.results import Results
from tests.services.requirements import need
from tests.services.stack import REPO, eventually

WHERE = "label=com.docker.compose.project="
BENCH = (
    *(sys.executable, "-u", "-m", "lab.bench", "--way=containers", "--servers=paceline"),
    *("--only=django-json", "--connections=8", "--seconds=1", "--seed=5"),
)


def docker(*arguments: str) -> str:
    done = subprocess.run([need("docker"), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def left(project: str) -> str:
    """What there is of a project."""
    mine = ("--filter", f"{WHERE}{project}")
    lists = (
        ("ps", "--all", "--quiet", *mine),
        ("volume", "ls", "--quiet", *mine),
        ("network", "ls", "--quiet", *mine),
        ("images", "--quiet", f"{project}-*"),
    )
    return "\n".join(filter(None, (docker(*each) for each in lists)))


@contextmanager
def running(*more: str) -> Iterator[subprocess.Popen[str]]:
    bench = subprocess.Popen(
        [*BENCH, *more], cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield bench
    finally:
        bench.terminate()
        bench.communicate(timeout=120)


@pytest.mark.timeout(600)  # the first of all builds of an image fetches packages
def test_containers_are_measured_and_ctrl_c_leaves_nothing_of_them(tmp_path: Path):
    need("docker"), need("wrk")
    raw = tmp_path / "raw.json"
    with running("--rounds=9", f"--json={raw}") as bench:
        project = f"wsgilab-bench-{bench.pid}"
        assert bench.stdout is not None
        said = ""
        for line in bench.stdout:
            said += line
            if line.startswith("[1/9"):
                break
        assert "[1/9" in said, said
        # Within the second run: containers that are there, of which some may be half begun.
        eventually(lambda: docker("ps", "--all", "--quiet", "--filter", f"{WHERE}{project}"))
        bench.send_signal(signal.SIGINT)
        rest, _ = bench.communicate(timeout=120)
    assert bench.returncode == 130, said + rest
    assert left(project) == ""
    assert "stopped; what was done follows" in rest

    first = json.loads(raw.read_text())["runs"][0]
    figures = first["figures"]
    assert (first["void"], first["server"], first["way"]) == (
        *(None, "paceline containers 8c", "containers"),
    )
    assert figures["requests"] > 20
    # A request takes CPU of both, and they have a core each at most.
    for name in ("cpu_us", "proxy_cpu_us"):
        assert 10 < figures[name] < 100_000
    for name in ("server_busy", "proxy_busy"):
        assert 0.005 < figures[name] < 1.3
    assert first["groups"]["proxy"] == figures["proxy_cpu_us"]
    assert figures["peak_container_kib"] > 10_000
    assert figures["peak_proxy_kib"] > 1_000
    assert figures["peak_threads"] >= figures["peak_processes"] == 2
    heading = report.cells(Results.load(raw), "django-json")[0]
    assert {"nginx µs/request", "container MiB", "nginx's MiB"} <= set(heading)
