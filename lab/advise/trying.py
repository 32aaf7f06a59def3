"""The advice beside the default, measured: interleaved rounds, each with a server of its own.

The bench's own parts do it (lab/bench): what is added is that the load asks for several paths in
turn, and that the application is the one of a running stack, with its folder and environment.
"""

import os
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.advise.commands import Setting
from lab.advise.served import Served
from lab.bench import load
from lab.bench.load import WARM_UP, Figures
from lab.bench.process_tree import TICK
from lab.bench.results import Run
from lab.bench.running import Started, started
from lab.bench.turns import interleaved
from lab.bench.void import VoidError
from lab.bench.workloads import Workload
from lab.stack.layout import REPO
from lab.stack.ports import free_port

SCRIPT = Path(__file__).with_name("urls.lua").relative_to(REPO)
MIX = "mix"

FEWEST, MOST = 16, 512
"""Connections of the load."""

BUSY = 0.3
"""Cores that others use, from which on nothing is measured unless somebody insists."""

CGROUP = Path("/sys/fs/cgroup/cpu.stat")


@dataclass(frozen=True)
class Trial:
    """What is measured, and how long: ``seconds`` for each run."""

    served: Served
    settings: Mapping[str, Setting]
    paths: Sequence[str]
    host: str
    connections: int
    rounds: int
    seconds: int
    cores: int
    seed: int

    @property
    def server_cores(self) -> list[int]:
        """Those of the server."""
        return sorted(os.sched_getaffinity(0))[: self.cores]

    @property
    def load_cores(self) -> list[int]:
        """Those of the load: the rest, and where none is left the server's."""
        return sorted(os.sched_getaffinity(0))[self.cores :] or self.server_cores

    @property
    def workload(self) -> Workload:
        """For the bench's parts, which ask for the first path to see whether all is well."""
        summary = "the paths in turn"
        return Workload(
            MIX,
            summary,
            self.served.application,
            self.served.folder,
            self.paths[0],
            bool,
            host=self.host,
        )

    def load(self, bind: str, seconds: int) -> list[str]:
        """The command line of wrk."""
        how = ["-t1", f"-c{self.connections}", f"-d{seconds}s", "-s", str(SCRIPT)]
        asked = [f"Host:{self.host}", *self.paths]
        return [*on(self.load_cores), "wrk", *how, f"http://{bind}", "--", *asked]

    def server(self, setting: Setting, bind: str) -> list[str]:
        """The command line of a server; its program from where the stack's is."""
        program, *rest = setting.command(self.served.application, bind)
        beside = self.served.programs / program
        return [*on(self.server_cores), str(beside) if beside.exists() else program, *rest]


Measure = Callable[[Trial, Started, str], Figures]
"""Asks a server that answers at an address; raises VoidError."""


def on(cores: Sequence[int]) -> list[str]:
    """What keeps a command on these cores."""
    return ["taskset", "-c", ",".join(map(str, cores))]


def by_wrk(trial: Trial, server: Started, bind: str) -> Figures:
    """As many requests as the connections of wrk can have.  Raises VoidError."""
    warm_up, full = trial.load(bind, WARM_UP), trial.load(bind, trial.seconds)
    return load.measure(server, warm_up, full, trial.seconds)


def run(trial: Trial, measure: Measure = by_wrk) -> Iterator[Run]:
    """Makes every run; a setting that is void once is not tried again."""
    void = set[str]()
    with tempfile.TemporaryDirectory(prefix="lab-advise-") as folder:
        for number, _, name in interleaved(trial.rounds, trial.seed, [MIX], [*trial.settings]):
            if name not in void:
                made = run_once(trial, name, number, measure, Path(folder) / "server.log")
                if made.void:
                    void.add(name)
                yield made


def run_once(trial: Trial, name: str, number: int, measure: Measure, log: Path) -> Run:
    """Starts a server, measures it and stops it; an error makes the run void."""
    bind = f"127.0.0.1:{free_port()}"
    command = trial.server(trial.settings[name], bind)
    environ = {**trial.served.environ, **trial.settings[name].choice.server.environment}
    figures: Figures = {}
    void = None
    try:
        with started(command, trial.workload, environ, bind, log) as server:
            figures = measure(trial, server, bind)
    except VoidError as error:
        void = str(error)
    asked = shlex.join(trial.load(bind, trial.seconds))
    return Run(MIX, name, number, (shlex.join(command), asked), figures, void)


def connections(at_work: float, utilisation: float) -> int:
    """Enough to keep all busy that can be: a third more than are under way at full use."""
    return min(MOST, max(FEWEST, round(1.3 * at_work / utilisation)))


def cores_in_use(seconds: float = 1.0) -> float:
    """Cores that are busy on this machine, looked at for some seconds; or stolen by its host."""

    def look() -> int:
        user, nice, system, _, _, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
        )
        return user + nice + system + irq + softirq + steal

    before = look()
    time.sleep(seconds)
    return (look() - before) * TICK / seconds


def throttled() -> int:
    """How often this container has used up its share of CPU and was stopped, so far."""
    try:
        lines = dict(line.split() for line in CGROUP.read_text().splitlines())
        return int(lines.get("nr_throttled", 0))
    except (OSError, ValueError):
        return 0
