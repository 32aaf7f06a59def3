"""Docker, from the command line as people use it."""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.stack.layout import REPO
from tests.services.requirements import need

HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")


def docker(*arguments: str | Path, check: bool = True) -> str:
    """What a docker command says; raises AssertionError with it where the command fails."""
    command = [need("docker"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).strip()


def poll(look: Callable[[], bool], limit: float = 30.0) -> bool:
    """Whether ``look`` becomes true within ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not (true := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return true


@pytest.fixture
def place() -> Iterator[str]:
    """A network whose name begins the names of containers; all of them are gone afterwards."""
    name = f"lab-test-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "--internal", name)
    yield name
    left = docker("ps", "--all", "--quiet", "--filter", f"name={name}").split()
    if left:
        docker("rm", "--force", "--volumes", *left)
    docker("network", "rm", name)


@pytest.fixture(scope="module")
def build() -> Iterator[Callable[..., str]]:
    """Builds an image from the arguments of `docker build`; its name is gone afterwards."""
    names = []

    def build(*arguments: str | Path) -> str:
        name = f"lab-test-{uuid.uuid4().hex[:8]}"
        docker("build", "--tag", name, *arguments)
        names.append(name)
        return name

    yield build
    if names:
        docker("rmi", *names)


@pytest.fixture(scope="module")
def proxy_image(build: Callable[..., str]) -> str:
    """The proxy's image."""
    return build(REPO / "nginx")
