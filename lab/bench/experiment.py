"""What was asked for, kept with the results so that it can be asked for again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab.bench import machine, own
from lab.bench.candidates import crossed, unasked
from lab.bench.rounds import Plan
from lab.bench.setups import DIRECT, TCP, every
from lab.bench.workloads import CONNECTIONS, WORKLOADS
from lab.errors import LabError
from lab.serve import WordError

QUICK = 175.0
"""Seconds that all of a quick look may take: three minutes, with a moment to show what it saw."""
QUICK_ROUNDS, QUICK_SECONDS = 2, 1


@dataclass(frozen=True)
class Experiment:
    """The choice: servers and workloads by name, the axes of setups.py, and how long.

    Of a ``project`` of one's own, by the words that name it, workloads are paths.
    """

    workloads: Sequence[str]
    servers: Sequence[str]
    rounds: int
    seconds: int
    seed: int
    latency: bool = False
    ways: Sequence[str] = (DIRECT,)
    binds: Sequence[str] = (TCP,)
    workers: Sequence[int] = (1,)
    threads: Sequence[int | None] = (None,)
    connections: Sequence[int | None] = (CONNECTIONS,)
    project: Mapping[str, str] | None = None

    def plan(self) -> tuple[Plan, list[str]]:
        """Its runs on this machine, and what of it cannot be, for people.  Raises WordError."""
        axes = (self.ways, self.binds, self.workers, self.threads, self.connections)
        found, refused = crossed(self.servers, list(every(*axes)))
        plan = Plan(
            own.workloads(self.project, self.workloads)
            if self.project
            else [WORKLOADS[name] for name in self.workloads],
            found,
            self.rounds,
            self.seconds,
            self.seed,
            machine.these_cores(),
            latency=self.latency,
        )
        if not plan.turns():
            names = f"{', '.join(self.servers)}: cannot be asked {', '.join(self.workloads)}"
            reasons = dict.fromkeys(s.why_not(w) for w in plan.workloads for s in found)
            raise WordError(f"--servers {names}: {'; '.join(reasons)}")
        return plan, [*refused, *unasked(plan.workloads, found)]

    def as_table(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def read(cls, table: Mapping[str, Any] | None, where: object) -> "Experiment":
        """What as_table() made, from a file ``where``.  Raises LabError."""
        if table is None:
            raise LabError(f"{where}: was written by an older lab, and says not what was asked")
        try:
            return cls(**table)
        except TypeError:
            raise LabError(
                f"{where}: was written by another lab; what was asked is unknown"
            ) from None


def quick(experiment: Experiment) -> Experiment:
    """As many rounds as fit into the time of a quick look.  Raises WordError where none does."""
    for rounds in range(experiment.rounds, 0, -1):
        fewer = replace(experiment, rounds=rounds)
        needed = fewer.plan()[0].estimate()
        if needed <= QUICK:
            return fewer
    raise WordError(
        f"--quick: one round alone would take about {needed / 60:.0f} minutes; choose fewer "
        "servers, workloads (--only) or other values"
    )
