"""The servers that are measured, each as the lab starts it for anybody, and the floor."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.workloads import DJANGO, Workload
from lab.serve import Choice, WordError, read_servers

FLOOR = "floor"
PYTHON = Path(sys.executable).name


@dataclass(frozen=True)
class Candidate:
    """A server at what its documentation recommends; ``choice`` is None for the floor."""

    name: str
    choice: Choice | None = None

    @classmethod
    def parse(cls, text: str) -> "Candidate":
        """Reads SERVER or SERVER:CONCURRENCY, as in ``gunicorn:sync``.  Raises WordError."""
        if text == FLOOR:
            return cls(FLOOR)
        server, _, concurrency = text.partition(":")
        known = read_servers()
        if server not in known:
            raise WordError(f"{text}: unknown server; choose from {', '.join([*known, FLOOR])}")
        choice = Choice.from_words({"SERVER": server, "CONCURRENCY": concurrency})
        if not choice.server.is_installed:
            raise WordError(f"{text}: {choice.server.missing}")
        return cls(text, choice)

    def runs(self, workload: Workload) -> bool:
        """Whether it can be asked this; the floor has one answer."""
        return self.choice is not None or workload.floor

    def command(self, workload: Workload, bind: str) -> list[str]:
        """The command line that serves the workload's application, one process, no access log."""
        if self.choice is None:
            return [PYTHON, "-m", "lab.bench.floor", bind]
        more: Sequence[str] = workload.arguments.get(self.choice.server.name, ())
        command = self.choice.command(bind, access_log=False)
        return [*(workload.application if part == DJANGO else part for part in command), *more]
