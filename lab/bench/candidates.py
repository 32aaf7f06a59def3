"""The servers that are measured, each as the lab starts it for anybody, and the floor."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from lab.bench.setups import CONTAINERS, DIRECT, TCP, USUAL, UWSGI, Setup
from lab.bench.workloads import DJANGO, Workload
from lab.serve import Choice, WordError, read_servers

FLOOR = "floor"
PYTHON = Path(sys.executable).name

IDLE_BEHIND = "nginx keeps idle connections to itself and no server sees them; --way direct does"


@dataclass(frozen=True)
class Candidate:
    """A server at what its documentation recommends; ``choice`` is None for the floor.

    The name is what results have it under, with what is not as usual of its setup.
    """

    name: str
    choice: Choice | None = None
    _: KW_ONLY
    setup: Setup = USUAL

    @classmethod
    def parse(cls, text: str, setup: Setup = USUAL) -> "Candidate":
        """Reads SERVER or SERVER:CONCURRENCY, as in ``gunicorn:sync``.  Raises WordError."""
        if setup.bind == UWSGI and setup.way == DIRECT:
            raise WordError("--bind uwsgi: only nginx speaks it here; add --way nginx")
        if text == FLOOR:
            return cls._floor(replace(setup, workers=1, threads=None))
        server, colon, concurrency = text.partition(":")
        if colon and not concurrency:
            raise WordError(f"{text}: name a concurrency model after the colon, or leave it out")
        known = read_servers()
        if server not in known:
            raise WordError(f"{text}: unknown server; choose from {', '.join([*known, FLOOR])}")
        choice = Choice.from_words({"SERVER": server, "CONCURRENCY": concurrency, **setup.words})
        if setup.bind not in choice.server.bind:
            raise WordError(f"--bind {setup.bind}: {server} cannot listen there")
        if not (setup.contained or choice.server.is_installed):
            raise WordError(f"{text}: {choice.server.missing}")
        return cls(setup.name_of(text), choice, setup=setup)

    @classmethod
    def _floor(cls, setup: Setup) -> "Candidate":
        if setup.bind == UWSGI:
            raise WordError(f"--bind {UWSGI}: {FLOOR} cannot listen there")
        if setup.contained:
            raise WordError(f"--way {CONTAINERS}: {FLOOR} is no server of the stack")
        return cls(setup.name_of(FLOOR), setup=setup)

    @property
    def server(self) -> str:
        """The server alone."""
        return self.name.split()[0]

    @property
    def threads(self) -> int | None:
        """How many each process was told to have; None where it was told nothing."""
        return self.choice.threads if self.choice else None

    def runs(self, workload: Workload) -> bool:
        """Whether it can be asked this."""
        return not self.why_not(workload)

    def why_not(self, workload: Workload) -> str:
        """Why it cannot be asked this, for people; empty where it can."""
        if workload.idle and self.setup.proxied:
            return IDLE_BEHIND
        if workload.idle and self.setup.bind != TCP:
            return "idle connections come by TCP alone; --bind tcp measures them"
        if self.choice is None and not workload.floor:
            return f"{FLOOR} has no answer to it"
        return ""

    def command(self, workload: Workload, bind: str) -> list[str]:
        """The command line that serves the workload's application, with no access log."""
        if self.choice is None:
            return [PYTHON, "-m", "lab.bench.floor", bind, workload.path]
        more: Sequence[str] = workload.arguments.get(self.choice.server.name, ())
        command = self.choice.command(bind, access_log=False)
        return [*(workload.application if part == DJANGO else part for part in command), *more]

    def variables(self, workload: Workload) -> Mapping[str, str]:
        """Variables to start it with; not every server looks for applications where it stands."""
        if self.choice is None:
            return {}
        folder = workload.folder
        return {**self.choice.environment(folder), "PYTHONPATH": str(folder), **workload.variables}


def crossed(servers: Sequence[str], setups: Sequence[Setup]) -> tuple[list[Candidate], list[str]]:
    """Every server in every setup, and why some of these cannot be, for people.

    Raises WordError for a server that can be in none of them.
    """
    found: dict[str, Candidate] = {}
    refused = dict[str, WordError]()
    for setup in setups:
        for server in servers:
            try:
                candidate = Candidate.parse(server, setup)
            except WordError as error:
                refused[setup.name_of(server)] = error
            else:
                found[candidate.name] = candidate
    for server in servers:
        if server not in {candidate.server for candidate in found.values()}:
            raise next(error for name, error in refused.items() if name.split()[0] == server)
    return list(found.values()), list(_told(refused))


def unasked(workloads: Sequence[Workload], candidates: Sequence[Candidate]) -> Iterator[str]:
    """Which candidates are not asked for idle connections, and why, for people.

    That the floor is not asked what it has no answer to goes without saying.
    """
    for workload in workloads:
        names: dict[str, list[str]] = {}
        for each in candidates:
            if workload.idle and each.choice and (reason := each.why_not(workload)):
                names.setdefault(reason, []).append(each.name)
        for reason, found in names.items():
            yield f"{workload.name} of {', '.join(found)} is left out: {reason}"


def _told(refused: Mapping[str, WordError]) -> Iterator[str]:
    for name, error in refused.items():
        yield f"{name} is left out: {error}"
