"""Every server under every workload, in rounds.

A round takes all of it once, in an order of its own (turns.py).  Each run has a server of its own,
since hash seeds and memory layout differ from start to start and may matter.
"""

import math
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.bench import containers, idle, latency, load, local, slow_readers
from lab.bench.answering import Answering
from lab.bench.candidates import Candidate
from lab.bench.containers import Stack
from lab.bench.limit import limited
from lab.bench.load import CPU_US, WARM_UP, Figures
from lab.bench.machine import Cores, pinned
from lab.bench.results import Run
from lab.bench.running import Started, environment
from lab.bench.turns import interleaved
from lab.bench.void import VoidError
from lab.bench.workloads import CONNECTIONS, Workload
from lab.errors import LabError
from lab.serve import WEBAPP

STARTED, CONTAINED, IDLE, PREPARED = 2.0, 10.0, 0.002, 5.0
"""Seconds, about: to start and stop a server, or containers, for each idle connection, and for
Django's data."""
HANGS, PATIENCE = 2, 30.0
"""How many times as long as it should, and how many seconds more, a run may take."""


@dataclass(frozen=True)
class Turn:
    """One run that is to be made."""

    round: int
    workload: Workload
    candidate: Candidate

    @property
    def key(self) -> tuple[int, str, str]:
        """That of the run that is made of it."""
        return self.round, self.workload.name, self.candidate.name


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long: ``seconds`` for each run."""

    workloads: Sequence[Workload]
    candidates: Sequence[Candidate]
    rounds: int
    seconds: int
    seed: int
    cores: Cores
    connections: int = CONNECTIONS
    latency: bool = False
    """Whether the open loop asks too, at shares of what wrk has found."""

    def seconds_of(self, turn: Turn) -> float:
        """What a run takes, about."""
        if turn.workload.idle:
            return STARTED + WARM_UP + turn.workload.idle * IDLE
        shares = len(latency.SHARES) if self.latency else 0
        begun = slow_readers.PATIENCE if turn.workload.slow else 0
        started = CONTAINED if turn.candidate.setup.contained else STARTED
        return started + begun + WARM_UP + self.seconds * (1 + shares)

    def estimate(self) -> float:
        """Seconds that all of it takes, about."""
        prepared = PREPARED if any(each.folder == WEBAPP for each in self.workloads) else 0
        return prepared + sum(map(self.seconds_of, self.turns()))

    def connections_of(self, candidate: Candidate) -> int:
        """Connections of the load on a candidate, which may ask for a number of its own."""
        return candidate.setup.connections or self.connections

    def turns(self) -> list[Turn]:
        """Every run in its order, which follows from the seed."""
        order = interleaved(self.rounds, self.seed, self.workloads, self.candidates)
        return [Turn(*turn) for turn in order if turn[2].runs(turn[1])]


def run(plan: Plan, before: Sequence[Run] = (), until: float = math.inf) -> Iterator[Run]:
    """Makes every run of a plan but those made ``before``.  Raises LabError.

    A cell that is void is not tried again, and no run begins that would last past ``until``, by
    time.monotonic().  Whatever ends it, Ctrl-C too, no process of it is left.
    """
    void = set[tuple[str, str]]()
    with (
        tempfile.TemporaryDirectory(prefix="lab-bench-") as folder,
        pinned(plan.cores.load),
        containers.stack(plan.candidates, plan.workloads, plan.cores, Path(folder)) as stack,
    ):
        data = Path(folder)
        environ = environment(data)
        if any(workload.folder == WEBAPP for workload in plan.workloads):
            prepare(environ)
        for turn in left(plan, before):
            cell = turn.workload.name, turn.candidate.name
            if time.monotonic() + plan.seconds_of(turn) > until:
                return
            if cell not in void:
                made = run_once(plan, turn, environ, data / "server.log", stack)
                if made.void:
                    void.add(cell)
                yield made


def left(plan: Plan, before: Sequence[Run]) -> list[Turn]:
    """The runs that are still to be made behind those, in their order."""
    made = {each.key for each in before}
    void = {(each.workload, each.server) for each in before if each.void}
    return [turn for turn in plan.turns() if turn.key not in made and turn.key[1:] not in void]


def run_once(
    plan: Plan, turn: Turn, environ: Mapping[str, str], log: Path, stack: Stack | None = None
) -> Run:
    """Starts a server, measures it and stops it; an error makes the run void."""
    workload, candidate, cores = turn.workload, turn.candidate, plan.cores
    connections, hangs = plan.connections_of(candidate), HANGS * plan.seconds_of(turn) + PATIENCE
    if stack and candidate.setup.contained:
        arranged = stack.arrange(workload, candidate, cores)
    else:
        arranged = local.arrange(workload, candidate, cores, environ, log)
    commands, figures, histograms, void = [*arranged.commands], Figures(), dict[str, str](), None
    try:
        with (
            idle.files_for(workload.idle) if workload.idle else nullcontext(),
            arranged.started as server,
            limited(hangs),
        ):
            warm_up, full = (
                load.command(workload, server.bind, cores.load, connections, seconds)
                for seconds in (WARM_UP, plan.seconds)
            )
            commands += [] if workload.idle else [shlex.join(full)]
            figures, histograms = measure(plan, turn, server, warm_up, full)
    except VoidError as error:
        void = str(error)
    return Run(
        *(workload.name, candidate.name, turn.round, tuple(commands), figures, void, histograms),
        **{**asdict(candidate.setup), "threads": candidate.threads, "connections": connections},
        groups={name: figures[cpu] for name, cpu in CPU_US.items() if cpu in figures},
    )


def measure(
    plan: Plan, turn: Turn, server: Answering, warm_up: Sequence[str], full: Sequence[str]
) -> tuple[Figures, dict[str, str]]:
    """Figures and histograms of a server that runs.  Raises VoidError."""
    if turn.workload.idle:
        assert isinstance(server, Started)  # Candidate.runs lets no other be asked this
        return idle.measure(server, warm_up), {}
    histograms = dict[str, str]()
    with slow_readers.beside(server) as readers:
        figures = load.measure(server, warm_up, full, plan.seconds)
        if plan.latency:
            rate, connections = figures["requests_per_second"], plan.connections_of(turn.candidate)
            more, histograms = latency.measure(server, rate, connections, plan.seconds)
            figures |= more
    return {**figures, **readers}, histograms


def prepare(environ: Mapping[str, str]) -> None:
    """Makes the data that the Django application starts with.  Raises LabError."""
    command = [sys.executable, "manage.py", "prepare"]
    done = subprocess.run(
        command, cwd=WEBAPP, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"`manage.py prepare` failed: {done.stderr.strip() or done.stdout.strip()}")
