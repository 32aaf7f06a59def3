"""The lab's compose project under a name of its own, for a bench in containers."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lab.environment import OTHERS
from lab.errors import LabError
from lab.stack.layout import REPO
from lab.stack.ports import free_ports
from lab.stack.processes import die_with_parent
from lab.words import PORTS, WORDS

FILES = ("docker-compose.yml", "lab/bench/containers.yml")

SERVICE, PROXY = "server", "proxy"

NOBODYS = {*OTHERS, *(word.name for word in WORDS)}
"""Words that Docker gets from us alone: those of a shell or of .env are for the person's stack."""

BUILT_WITHIN, DONE_WITHIN = 1800.0, 120.0
"""Seconds for the images, the first of which fetch packages, and for anything else."""

STOP_WITHIN = "1"
"""Seconds that a container gets to end; nobody asks it any more."""


class Project:
    """The services of one project; every method blocks, and raises LabError where Docker fails."""

    def __init__(self) -> None:
        self.name = f"wsgilab-bench-{os.getpid()}"
        self._ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))

    @property
    def published(self) -> str:
        """Where the proxy answers on this machine."""
        return f"127.0.0.1:{self._ports[PORTS[0]]}"

    def build(self, words: Mapping[str, str]) -> None:
        """Builds the images for some words."""
        self._compose(["build", PROXY, SERVICE], words, BUILT_WITHIN)

    def up(self, words: Mapping[str, str]) -> None:
        """Starts server and proxy as containers that were not there."""
        with uninterrupted():
            self._compose(["up", "--detach", "--no-build", PROXY], words)

    def down(self) -> None:
        """Ends and removes the containers."""
        with uninterrupted():
            self._down()

    def remove(self) -> None:
        """Removes all that there is of it, to the end, however often it is asked to stop."""
        with uninterrupted():
            self._down("--volumes")
            ours = f"reference={self.name}-*"
            listed = ("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", ours)
            if images := docker(*listed).split():
                docker("image", "rm", *images)

    def container(self, service: str) -> dict[str, Any]:
        """What Docker knows of a service's container."""
        number = self._compose(["ps", "--all", "--quiet", service]).split()
        if not number:
            raise LabError(f"there is no container of {service}")
        found: dict[str, Any] = json.loads(docker("inspect", number[0]))[0]
        return found

    def last_line(self, service: str) -> str:
        """What a service said last."""
        logs = ["logs", "--no-color", "--no-log-prefix", "--tail", "1", service]
        return self._compose(logs).strip()

    def _down(self, *options: str) -> None:
        self._compose(["down", "--timeout", STOP_WITHIN, "--remove-orphans", *options])

    def _compose(
        self,
        arguments: Sequence[str],
        words: Mapping[str, str] | None = None,
        within: float = DONE_WITHIN,
    ) -> str:
        files = [part for file in FILES for part in ("--file", file)]
        options = ["--project-name", self.name, "--env-file", os.devnull, *files]
        given = {"BENCH_NAME": self.name, **self._ports, **(words or {})}
        return docker("compose", *options, *arguments, words=given, within=within)


def docker(
    *arguments: str, words: Mapping[str, str] | None = None, within: float = DONE_WITHIN
) -> str:
    """What a docker command prints.  Raises LabError with the last line of what it complains."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if name not in NOBODYS and not name.startswith("COMPOSE_")
    }
    try:
        done = subprocess.run(
            ["docker", *arguments],
            cwd=REPO,
            env={**ours, **(words or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
            start_new_session=True,  # Ctrl-C is for us alone
            preexec_fn=die_with_parent,
        )
    except FileNotFoundError:
        where = "https://docs.docker.com/engine/install/"
        raise LabError(f"containers need docker, which is not on PATH: {where}") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"docker {arguments[0]} did not end within {within:.0f} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise LabError(f"docker {arguments[0]} failed: {said[-1].strip()}")
    return done.stdout


def version(within: float = DONE_WITHIN) -> str:
    """Of engine and compose, each told within seconds.  Raises LabError where one is missing."""
    engine = docker("version", "--format", "{{.Server.Version}}", within=within).strip()
    plugin = docker("compose", "version", "--short", within=within).strip()
    return f"Docker {engine}, Compose {plugin}"


def endpoint() -> str:
    """Where the engine is, as unix:///PATH or tcp://HOST:PORT.  Raises LabError."""
    said = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    return os.environ.get("DOCKER_HOST") or said.strip()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Lets Ctrl-C and TERM wait until the block is done; half of it would leave containers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = list[int]()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda n, _: asked.append(n)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if asked:
            raise KeyboardInterrupt
