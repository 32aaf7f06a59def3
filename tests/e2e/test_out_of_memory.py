"""A worker that the kernel kills, since the memory that a container may have has run out."""

import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.stack.layout import REPO
from tests.e2e.load import Load
from tests.e2e.visitor import Visitor
from tests.services.requirements import need
from tests.services.stack import eventually
from tests.unit.containers.conftest import HARDENED, build, docker
from tests.unit.nginx.conftest import running

__all__ = ["build"]  # a fixture

pytestmark = pytest.mark.timeout(600)  # the first build fetches Debian's Python

LIMIT = 160
"""MiB.  The supervisor's part, where it loads what workers do without, is half of it."""

# A worker of --preload lets go of the ballast, so that the supervisor is the largest.
APPLICATION = """
import os
import time

BALLAST, HELD = [], []
if os.environ.get("BALLAST"):
    BALLAST.append(b"b" * (80 << 20))
    os.register_at_fork(after_in_child=BALLAST.clear)

def application(environ, start_response):
    while environ["PATH_INFO"] == "/hog":
        HELD.append(b"x" * (2 << 20))
        time.sleep(0.001)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]
"""


class Container:
    """A paceline with two workers and a limit on the memory of all its processes together."""

    def __init__(self, image: str, folder: Path, *options: str) -> None:
        (folder / "app.py").write_text(APPLICATION)
        self.bind = f"unix:{folder}/s"
        self.name = f"lab-test-{uuid.uuid4().hex[:8]}"
        limit = f"--memory={LIMIT}m", f"--memory-swap={LIMIT}m"
        mounts = f"--volume={folder}:{folder}", f"--volume={REPO / 'server'}:/server:ro"
        words = "--env=PYTHONPATH=/server", *(["--env=BALLAST=yes"] if options else [])
        docker(
            *("run", "--detach", f"--name={self.name}", *HARDENED, *limit, *mounts, *words),
            *(f"--user={os.getuid()}:{os.getgid()}", f"--workdir={folder}", "--network=none"),
            *(image, "python3", "-m", "paceline", "app", "-w", "2", "-b", self.bind, *options),
        )

    @property
    def log(self) -> str:
        return docker("logs", self.name)

    def logged(self, pattern: str, times: int = 1) -> None:
        """Waits until the log has the pattern that often; fails where the container has ended."""

        def look() -> bool:
            ended = self.ids()[0] != "true"  # first, so that the log is whole then
            found = len(re.findall(pattern, self.log)) >= times
            assert found or not ended, f"it has ended\n{self.log}"
            return found

        eventually(look)

    def ids(self) -> list[str]:
        """The first process's state, its number on this machine, and how often it was started."""
        return docker(
            *("inspect", "--format", "{{.State.Running}} {{.State.Pid}} {{.RestartCount}}"),
            self.name,
        ).split()


@contextmanager
def limited(image: str, folder: Path, *options: str) -> Iterator[Container]:
    container = Container(image, folder, *options)
    try:
        container.logged("is ready", 2)
        yield container
    finally:
        docker("rm", "--force", container.name)


@pytest.fixture(scope="module")
def image(build: Callable[..., str]) -> str:
    need("docker")
    if docker("info", "--format", "{{.MemoryLimit}}") != "true":
        pytest.skip("Docker cannot limit memory here: no memory controller")
    dockerfile = REPO / "server" / "Dockerfile"
    return build("--target", "python", "--file", dockerfile, REPO)


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["small", "large"])
def test_the_kernel_takes_a_worker_which_is_told_and_replaced(
    image: str, tmp_path: Path, options: tuple[str, ...]
):
    """The supervisor stays, also where it is the largest, and nothing but that request fails."""
    with (
        limited(image, tmp_path, *options) as container,
        running(tmp_path / "var", container.bind) as proxy,
    ):
        before = container.ids()
        with Load(proxy.http, [("GET", "/", b"")]) as load:
            load.await_answers()
            answer = Visitor(proxy.http).ask("POST", "/hog")
            container.logged(
                rf"worker \d+ was ended by SIGKILL: out of memory \(the limit is {LIMIT} MiB\)"
            )
            container.logged("is ready", 3)
            load.await_answers()

        assert answer.status_code == 502
        assert load.failures == []
        # At times the kernel takes both: the memory of the first is charged for some milliseconds
        # after its end, and meanwhile the other asks for a page.
        ended = re.findall(r"was ended by (.{22})", container.log)
        assert {*ended} == {"SIGKILL: out of memory"}
        assert len(ended) <= 2
        assert container.ids() == before
