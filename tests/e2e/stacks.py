"""The stacks that the tests run on: each way to start one, with each server.

    on_guestbooks     runs a test on every stack with the Django application
    on_all            and on one with the tiny application, for the paths that both have
    on_containers     on those in containers alone

A stack is started once a session, for all the tests on it, and leaves nothing behind.
"""

import os
import re
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.stack.ports import free_ports
from tests.services.postgres import postgres_or_skip
from tests.services.requirements import need
from tests.services.stack import REPO, Stack

# What a person's .env or shell says must not reach a stack of ours; an empty word is not set.
NAMES = re.findall(r"^#([A-Z_]+)=", (REPO / ".env.example").read_text(), re.MULTILINE)
PORTS = ("HTTP_PORT", "HTTPS_PORT", "CONSOLE_PORT")
NOTHING_SAID = {name: "" for name in NAMES if name not in PORTS}

SOFTWARE = {
    "paceline": r"paceline/\d+\.\d+",
    "gunicorn": r"gunicorn/27\.",
    "waitress": "waitress",
    "cheroot": r"Cheroot/11\.",
    "granian": "Granian",
    "uwsgi": "a server that does not say its name",
    "runserver": r"WSGIServer/",
    "bjoern": "a server that does not say its name",
    "mod_wsgi": r"Apache/2\.",
}
"""What each server calls itself in SERVER_SOFTWARE."""


@dataclass(frozen=True)
class Variant:
    """A way to start a stack, and the words for it."""

    way: str
    words: Mapping[str, str] = field(default_factory=dict)
    postgres: bool = False

    def __str__(self) -> str:
        said = [*self.words.values(), *(["postgres"] if self.postgres else [])]
        return "-".join([self.way, *said])


class Site(ABC):
    """A stack that answers, and what can be done to it."""

    def __init__(
        self, server: str, http_port: int, https_port: int, console_port: int, place: Path
    ) -> None:
        self.server = server
        self.console = f"http://localhost:{console_port}"
        self.http = f"http://localhost:{http_port}"
        self.https = f"https://localhost:{https_port}"
        self.place = place
        """A folder for files about it."""

    @property
    @abstractmethod
    def certificate(self) -> Path:
        """What a client must trust, for https."""

    @abstractmethod
    def server_log(self) -> str:
        """All that the server and the application have said since the start."""

    @abstractmethod
    def reload(self) -> None:
        """Sends HUP to the server."""

    @abstractmethod
    def workers(self) -> set[int]:
        """The pids of the server's processes that serve, as /inspect/ gives them."""

    @abstractmethod
    def kill_workers(self) -> None:
        """Kills all of them."""


class LocalSite(Site):
    """Local processes, by `lab up --detach`."""

    def __init__(self, server: str, stack: Stack) -> None:
        super().__init__(server, stack.http, stack.https, stack.console, stack.var)
        self._stack = stack

    @property
    def certificate(self) -> Path:
        return self._stack.var / "tls" / "certificate.pem"

    def server_log(self) -> str:
        return (self._stack.var / "log" / "server.log").read_text()

    def reload(self) -> None:
        os.kill(self._stack.pid_of("server"), signal.SIGHUP)

    def workers(self) -> set[int]:
        pid = self._stack.pid_of("server")
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def kill_workers(self) -> None:
        for pid in self.workers():
            with suppress(ProcessLookupError):  # one that was ending has ended
                os.kill(pid, signal.SIGKILL)


class ContainerSite(Site):
    """Containers, by `docker compose up`, in a project of their own."""

    def __init__(self, place: Path, words: Mapping[str, str]) -> None:
        server = words.get("SERVER") or "paceline"
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        super().__init__(server, *ports.values(), place)
        self.project = f"lab-test-{os.getpid()}-{ports['HTTP_PORT']}"
        # Images of its own names: those of the person who runs the tests stay what they are.
        images = {"proxy": "proxy", "server": "server", "prepare": "server", "postgres": "postgres"}
        images |= {"console": "console", "locust": "locust", "swarm": "locust"}
        images |= {name.replace("_", "-"): f"server-{name}" for name in SOFTWARE}
        names = "".join(f"  {s}: {{image: {self.project}-{i}}}\n" for s, i in images.items())
        (place / "images.yml").write_text(f"services:\n{names}")
        given = {name: str(value) for name, value in ports.items()}
        self._environ = {**os.environ, **NOTHING_SAID, **given, **words}

    def docker(self, *arguments: str, **words: str) -> str:
        """What a docker command prints. Raises AssertionError with what it says on failure."""
        done = subprocess.run(
            [need("docker"), *arguments],
            cwd=REPO,
            env={**self._environ, **words},
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def compose(self, *arguments: str, **words: str) -> str:
        """The same for a command of docker compose on this project."""
        files = ("--file", "docker-compose.yml", "--file", str(self.place / "images.yml"))
        options = ("--project-name", self.project, *files)
        return self.docker("compose", *options, *arguments, **words)

    def up(self, **words: str) -> None:
        """Brings it up, from images built anew where something changed."""
        self.compose("up", "--detach", "--build", "--wait", **words)

    def down(self) -> None:
        """Takes it down as people do, and its images too."""
        self.compose("--profile", "*", "down", "--volumes", "--rmi", "all")

    def left(self) -> str:
        """Containers, volumes, networks and images of this project that are there."""
        label = f"label=com.docker.compose.project={self.project}"
        lists = (
            ("ps", "--all", "--format", "{{.Names}}", "--filter", label),
            ("volume", "ls", "--quiet", "--filter", label),
            ("network", "ls", "--format", "{{.Name}}", "--filter", label),
            ("images", "--format", "{{.Repository}}", f"{self.project}-*"),
        )
        return "\n".join(filter(None, (self.docker(*command) for command in lists)))

    def container(self, service: str) -> str:
        """The id of a service's first container."""
        return self.compose("ps", "--all", "--quiet", service).split()[0]

    @property
    def certificate(self) -> Path:
        path = self.place / "certificate.pem"
        if not path.exists():
            inside = "/var/lib/wsgilab/tls/certificate.pem"
            path.write_text(self.compose("exec", "-T", "proxy", "cat", inside))
        return path

    def server_log(self) -> str:
        return self.compose("logs", "--no-color", "--no-log-prefix", "server")

    def reload(self) -> None:
        self.compose("kill", "--signal", "HUP", "server")

    def workers(self) -> set[int]:
        said = self.compose("exec", "-T", "server", "cat", "/proc/1/task/1/children")
        return set(map(int, said.split()))

    def kill_workers(self) -> None:
        kill = "kill -9 $(cat /proc/1/task/1/children) || true"  # one that was ending has ended
        self.compose("exec", "-T", "server", "sh", "-c", kill)


@contextmanager
def local(place: Path, words: Mapping[str, str]) -> Iterator[LocalSite]:
    """A stack of local processes; blocks until it answers, and at the end until it is gone."""
    stack = Stack(place, **{**NOTHING_SAID, **words})
    up = stack.lab("up", "--detach")
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        yield LocalSite(words.get("SERVER") or "paceline", stack)
    finally:
        down = stack.lab("down")
        assert down.returncode == 0, down.stdout + down.stderr
        shutil.rmtree(place)


@contextmanager
def containers(place: Path, words: Mapping[str, str]) -> Iterator[ContainerSite]:
    """A stack of containers, likewise."""
    site = ContainerSite(place, words)
    try:
        site.up()
        yield site
    finally:
        site.down()
        assert site.left() == ""


@contextmanager
def running(variant: Variant, place: Path) -> Iterator[Site]:
    """The stack of a variant."""
    if variant.way == "containers":
        need("docker")
        with containers(place, variant.words) as site:
            yield site
    elif variant.postgres:
        with (
            contextmanager(postgres_or_skip)() as url,
            local(place, {**variant.words, "DATABASE_URL": url}) as site,
        ):
            yield site
            assert not (place / "data" / "db.sqlite3").exists()
    else:
        with local(place, variant.words) as site:
            yield site


def on(*variants: Variant) -> pytest.MarkDecorator:
    """Runs a test on the stacks of these variants."""
    # The first of all builds of an image fetches packages.
    slow = {"containers": [pytest.mark.timeout(600)]}
    params = [pytest.param(v, id=str(v), marks=slow.get(v.way, [])) for v in variants]
    return pytest.mark.parametrize("stack", params, indirect=True, scope="session")


def of(way: str, **words: str) -> Variant:
    """A variant in fewer words."""
    return Variant(way, words)


LOCAL = [
    of("local", SERVER="paceline"),
    of("local", SERVER="gunicorn"),
    of("local", SERVER="paceline", TRANSPORT="unix"),
    Variant("local", {"SERVER": "paceline", "WORKERS": "2"}, postgres=True),
]
CONTAINERS = [of("containers", SERVER="paceline"), of("containers", SERVER="gunicorn")]
TINY = [of("local", SERVER="paceline", APP="tiny")]

# Each begins with the one before: pytest knows by their place which tests are on one stack.
on_containers = on(*CONTAINERS)
on_guestbooks = on(*CONTAINERS, *LOCAL)
on_all = on(*CONTAINERS, *LOCAL, *TINY)
