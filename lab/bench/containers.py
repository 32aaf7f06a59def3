"""The stack in containers under the bench, as `docker compose up` runs it.

Each run brings server and proxy up anew and takes them down; images are built before the first,
and nothing is left of them in the end, whatever ends it.  The load asks from this machine.  What a
container uses is read from its cgroup (cgroup.py).
"""

import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from lab.bench import compose
from lab.bench.answering import Answering, Arranged
from lab.bench.candidates import Candidate
from lab.bench.cgroup import Group, of_container
from lab.bench.compose import FILES, PROXY, SERVICE, Project
from lab.bench.machine import Cores
from lab.bench.void import VoidError
from lab.bench.workloads import Workload
from lab.errors import LabError
from lab.serve import APPS
from lab.stack.layout import REPO

PORT = 8080
"""Where the proxy listens in its container."""

REACHED_WITHIN = 1.0
"""Seconds; a container of this machine answers or refuses at once."""


@dataclass(frozen=True)
class Contained(Answering):
    """Server and proxy in a container each."""

    project: Project
    groups: Mapping[str, Group]

    @property
    def proxied(self) -> bool:
        """Always: nothing else reaches the server."""
        return True

    def cpu(self) -> dict[str, float]:
        """Of all that runs in a container.  Raises VoidError where one has ended."""
        try:
            return {name: group.cpu() for name, group in self.groups.items()}
        except OSError as error:
            self.require_alive()
            raise VoidError(f"the CPU of its container cannot be read: {error}") from None

    def processes(self) -> frozenset[int]:
        """Raises VoidError where its container has ended."""
        try:
            return self.groups[SERVICE].processes()
        except OSError as error:
            self.require_alive()
            raise VoidError(f"its processes cannot be read: {error}") from None

    def held(self) -> dict[str, float]:
        """Raises OSError where one has ended."""
        server = self.groups[SERVICE]
        return {
            "peak_container_kib": server.memory(),
            "peak_proxy_kib": self.groups[PROXY].memory(),
            "peak_threads": server.threads(),
            "peak_processes": len(server.processes()),
        }

    def require_alive(self, within: float = 0) -> None:
        """Raises VoidError where one of the two has ended or does within seconds."""
        deadline = time.monotonic() + within
        while True:
            for service, whose in ((PROXY, "nginx"), (SERVICE, "it")):
                state = self.project.container(service)["State"]
                if not state["Running"]:
                    status = f"exit status {state['ExitCode']}"
                    raise VoidError(f"{whose} ended by itself ({status}){self.last_words(service)}")
            if time.monotonic() >= deadline:
                return
            time.sleep(0.05)

    def last_words(self, service: str = SERVICE) -> str:
        """The last line that a container said."""
        line = self.project.last_line(service)
        return f"; its last line: {line}" if line else ""


@dataclass(frozen=True)
class Stack:
    """A project whose images are built, and a folder for what its containers are given."""

    project: Project
    folder: Path

    def arrange(self, workload: Workload, candidate: Candidate, cores: Cores) -> Arranged:
        """A candidate in front of a workload's application, behind the proxy."""
        given = words(workload, candidate, cores, self.folder)
        return Arranged([shown(given)], self._running(workload, given))

    @contextmanager
    def _running(self, workload: Workload, given: Mapping[str, str]) -> Iterator[Contained]:
        try:
            self._up(given)
            bind, groups = self._found()
            server = Contained(workload, bind, self.project, groups)
            server.await_ready()
            yield server
        except LabError as error:
            raise VoidError(str(error)) from None
        finally:
            self.project.down()

    def _up(self, given: Mapping[str, str]) -> None:
        try:
            self.project.up(given)
        except LabError as error:
            said = self.project.last_line("prepare")
            raise VoidError(f"{error}; the preparation said: {said}") from None

    def _found(self) -> tuple[str, dict[str, Group]]:
        """The proxy's address, and what each container uses.  Raises LabError and VoidError."""
        containers = {name: self.project.container(name) for name in (SERVICE, PROXY)}
        endpoint, groups = compose.endpoint(), dict[str, Group]()
        for name, known in containers.items():
            try:
                groups[name] = of_container(known["State"]["Pid"], known["Id"], endpoint)
            except OSError as error:
                state = known["State"]
                gone = "" if state["Running"] else f"it ended ({state['ExitCode']}); "
                raise VoidError(f"{gone}{error}") from None
        network = containers[PROXY]["NetworkSettings"]["Networks"][f"{self.project.name}_edge"]
        own = f"{network['IPAddress']}:{PORT}"
        return own if reaches(network["IPAddress"]) else self.project.published, groups


def reaches(address: str) -> bool:
    """Whether containers can be asked at an address of their own.

    A published port would do too, but a process of Docker's that copies every byte is behind it,
    which takes a fifth of what two cores have from those that are measured.
    """
    try:
        socket.create_connection((address, PORT), REACHED_WITHIN).close()
    except ConnectionRefusedError:
        return True  # it is there, and nginx not yet
    except OSError:
        return False
    return True


@contextmanager
def stack(
    candidates: Sequence[Candidate], workloads: Sequence[Workload], cores: Cores, folder: Path
) -> Iterator[Stack | None]:
    """Builds what candidates in containers need, and removes it; None where there are none.

    Raises LabError.
    """
    contained = {each.server.partition(":")[0]: each for each in candidates if each.setup.contained}
    if not contained:
        yield None
        return
    project = Project()
    try:
        for name, candidate in contained.items():
            click.echo(f"building the images of {name}")
            project.build(words(workloads[0], candidate, cores, folder))
        yield Stack(project, folder)
    finally:
        project.remove()


def words(workload: Workload, candidate: Candidate, cores: Cores, folder: Path) -> dict[str, str]:
    """What the project is told, so that it runs as processes of this machine would."""
    assert candidate.choice is not None
    setup = candidate.setup
    return {
        "SERVER": candidate.choice.server.name,
        "CONCURRENCY": candidate.choice.concurrency.name,
        **{name: value for name, value in setup.words.items() if value},
        "TRANSPORT": setup.bind,
        "LAB_TRACE": "off",
        **application(workload, folder),
        "BENCH_SERVER_CORES": ",".join(map(str, cores.of_server(setup.workers))),
        "BENCH_PROXY_CORES": str(cores.of_proxy),
    }


def application(workload: Workload, folder: Path) -> dict[str, str]:
    """The words for the application that a workload asks."""
    if workload.project:
        return {name: value for name, value in workload.project.items() if value}
    for name, parts in APPS.items():
        if workload.application == ":".join(parts):
            return {"APP": name, "ALLOWED_HOSTS": "*"}  # it is asked by a container's address
    # What is plain WSGI comes in as a project of one's own, of a single file.
    module, _, function = workload.application.partition(":")
    source = REPO / f"{module.replace('.', '/')}.py"
    place = folder / source.stem
    place.mkdir(mode=0o755, exist_ok=True)
    shutil.copyfile(source, place / source.name)
    (place / source.name).chmod(0o644)
    return {
        "APP_PATH": str(place),
        "APP_WSGI": f"{source.stem}:{function}",
        "APP_REQUIREMENTS": "none",
    }


def shown(given: Mapping[str, str]) -> str:
    """How one would type it."""
    said = " ".join(f"{name}={shlex.quote(value)}" for name, value in given.items())
    files = " ".join(f"--file {file}" for file in FILES)
    return f"{said} docker compose {files} up --build {PROXY}"
