"""Every server under every workload, in rounds.

A round takes all of it once, in an order of its own: the workloads shuffled, and the servers within
each, so that those that are compared run close together and none is always first.  Each run has a
server of its own, since hash seeds and memory layout differ from start to start and may matter.
"""

import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from lab.bench import idle, latency, load, wrk
from lab.bench.candidates import Candidate
from lab.bench.load import WARM_UP, Figures
from lab.bench.machine import Cores, pinned
from lab.bench.results import Run
from lab.bench.running import environment, started
from lab.bench.void import VoidError
from lab.bench.workloads import CONNECTIONS, Workload
from lab.errors import LabError
from lab.serve import WEBAPP
from lab.stack.layout import REPO
from lab.stack.ports import free_port


@dataclass(frozen=True)
class Turn:
    """One run that is to be made."""

    round: int
    workload: Workload
    candidate: Candidate


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

    def turns(self) -> list[Turn]:
        """Every run in its order, which follows from the seed."""
        shuffle = random.Random(self.seed)
        order = []
        for number in range(1, self.rounds + 1):
            for workload in shuffle.sample(self.workloads, len(self.workloads)):
                for candidate in shuffle.sample(self.candidates, len(self.candidates)):
                    if candidate.runs(workload):
                        order.append(Turn(number, workload, candidate))
        return order


def run(plan: Plan) -> Iterator[Run]:
    """Makes every run of a plan; a cell that is void is not tried again.  Raises LabError.

    Whatever ends it, Ctrl-C too, no process of it is left.
    """
    void: set[tuple[str, str]] = set()
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder, pinned(plan.cores.load):
        data = Path(folder)
        environ = environment(data)
        if any(workload.folder == WEBAPP for workload in plan.workloads):
            prepare(environ)
        for turn in plan.turns():
            cell = turn.workload.name, turn.candidate.name
            if cell not in void:
                made = run_once(plan, turn, environ, data / "server.log")
                if made.void:
                    void.add(cell)
                yield made


def run_once(plan: Plan, turn: Turn, environ: Mapping[str, str], log: Path) -> Run:
    """Starts a server, measures it and stops it; an error makes the run void."""
    workload, bind = turn.workload, f"127.0.0.1:{free_port()}"
    pin = ["taskset", "-c", str(plan.cores.server)]
    command = [*pin, *turn.candidate.command(workload, bind)]
    url = f"http://{bind}{workload.path}"
    warm_up, full = (
        wrk.command(url, plan.cores.load, plan.connections, seconds, wrk.asking(workload))
        for seconds in (WARM_UP, plan.seconds)
    )
    figures: Figures = {}
    histograms: Mapping[str, str] = {}
    void = None
    try:
        with (
            idle.files_for(workload.idle) if workload.idle else nullcontext(),
            started(command, workload, environ, bind, log) as server,
        ):
            if workload.idle:
                figures = idle.measure(server, warm_up)
            else:
                figures = load.measure(server, warm_up, full, plan.seconds)
            if plan.latency and not workload.idle:
                rate = figures["requests_per_second"]
                more, histograms = latency.measure(server, rate, plan.connections, plan.seconds)
                figures |= more
    except VoidError as error:
        void, figures = str(error), {}
    commands = [shown(command, workload.folder)] + ([] if workload.idle else [shlex.join(full)])
    return Run(
        workload.name, turn.candidate.name, turn.round, tuple(commands), figures, void, histograms
    )


def shown(command: Sequence[str], folder: Path) -> str:
    """A command line as one would type it in the repository."""
    line = shlex.join(command)
    return line if folder == REPO else f"(cd {folder.relative_to(REPO)} && {line})"


def prepare(environ: Mapping[str, str]) -> None:
    """Makes the data that the Django application starts with.  Raises LabError."""
    command = [sys.executable, "manage.py", "prepare"]
    done = subprocess.run(
        command, cwd=WEBAPP, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LabError(f"`manage.py prepare` failed: {done.stderr.strip() or done.stdout.strip()}")
