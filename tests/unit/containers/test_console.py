"""The console's container by itself: what it may do, and that it answers."""

from collections.abc import Callable

import pytest

from lab.stack.layout import REPO

from .conftest import HARDENED, docker, poll

pytestmark = pytest.mark.timeout(600)  # the first build fetches packages

WRITABLE = (
    "--tmpfs=/var/lib/wsgilab/console:uid=10003,gid=10003,mode=700",
    "--tmpfs=/run/wsgilab-telemetry:mode=1777",
    "--tmpfs=/tmp",
)


@pytest.fixture(scope="module")
def image(build: Callable[..., str]) -> str:
    return build("--file", REPO / "lab" / "console" / "Dockerfile", REPO)


@pytest.fixture
def console(place: str, image: str) -> str:
    """A console's container, healthy, on a network with nothing else."""
    name = f"{place}-console"
    docker("run", "--detach", "--name", name, "--network", place, *HARDENED, *WRITABLE, image)
    health = ("inspect", "--format", "{{.State.Health.Status}}", name)
    assert poll(lambda: docker(*health) == "healthy"), docker("logs", name)
    return name


def test_it_runs_as_nobody_in_particular(console: str):
    status = docker("exec", console, "cat", "/proc/1/status")

    assert "Uid:\t10003\t10003" in status
    assert "CapEff:\t0000000000000000" in status


def test_everybody_can_tell_it_of_requests(console: str):
    sockets = "/run/wsgilab-telemetry"

    # nginx asks by -x whether somebody listens, and is another user.
    for name in ("nginx.sock", "otlp.sock"):
        assert docker("exec", console, "stat", "-c", "%F %a", f"{sockets}/{name}") == "socket 777"


def test_it_stops_when_it_is_asked(console: str):
    docker("stop", "--time", "10", console)

    assert docker("inspect", "--format", "{{.State.ExitCode}}", console) == "0"  # 137 were a kill


def test_the_folder_of_sockets_is_for_every_user_in_every_image(image: str, proxy_image: str):
    for each in (image, proxy_image):
        stat = ("--entrypoint=stat", each, "-c", "%a", "/run/wsgilab-telemetry")
        assert docker("run", "--rm", *stat) == "1777"
