"""What was measured: raw runs, and what may be said of them."""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import LabError

AGREED, NOISE = 5, 14
"""How often the scatter of rounds is noise: where all lie on one side of a value, and where not.

Of servers that are equal, with rounds that scatter normally, 4 or 5 in 100 are then called
different after 5 rounds and 1 after 7; 18 after 3.  Of servers that are two standard deviations
apart, 78 in 100 are after 5.
"""


@dataclass(frozen=True)
class Run:
    """One server under one workload in one round: figures by name, or why there are none.

    The units stand in the figures' names: us and ms are micro- and milliseconds, kib is 1,024
    bytes; *_busy is a share of one core, and so is what the machine's host has stolen.
    The histograms are of microseconds, as HdrHistogram encodes them.  ``server`` is the candidate's
    name, which begins with the server's; what it says of the setup stands apart too (setups.py).
    Files of an older lab lack what stands below the histograms.
    """

    workload: str
    server: str
    round: int
    commands: tuple[str, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    void: str | None = None
    histograms: Mapping[str, str] = field(default_factory=dict)
    way: str = "direct"
    bind: str = "tcp"
    workers: int = 1
    threads: int | None = None
    connections: int | None = None
    groups: Mapping[str, float] = field(default_factory=dict)
    """Microseconds of CPU that a request costs each group of processes: server, proxy, load."""

    @property
    def key(self) -> tuple[int, str, str]:
        """What tells it from all others of its results."""
        return self.round, self.workload, self.server

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> "Run":
        """One as save() wrote it; what a newer lab knows beside is left out.

        Raises TypeError and KeyError.
        """
        known = {name: table[name] for name in cls.__dataclass_fields__ if name in table}
        return cls(**{**known, "commands": tuple(table["commands"])})


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, with the lowest and the highest.

    ``mad`` is the median absolute deviation from the median, ``q1`` and ``q3`` are the quartiles
    (inclusive): one round that was disturbed moves none of them far.
    """

    median: float
    low: float
    high: float
    rounds: int
    mad: float = field(default=0.0, compare=False)
    q1: float = field(default=0.0, compare=False)
    q3: float = field(default=0.0, compare=False)

    @property
    def scatter(self) -> float:
        """The deviation over the root of the rounds: that of the median, but for a factor."""
        return self.mad / math.sqrt(self.rounds)

    @property
    def is_tie(self) -> bool:
        """Whether, of a ratio, both may be level."""
        return self.may_be(1)

    def may_be(self, value: float) -> bool:
        """Whether a value is within the noise of the median."""
        agreed = not self.low <= value <= self.high
        return abs(self.median - value) <= (AGREED if agreed else NOISE) * self.scatter

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        """None where there is no value."""
        some = sorted(values)
        if not some:
            return None
        middle = statistics.median(some)
        mad = statistics.median(abs(value - middle) for value in some)
        cuts = some * 3 if len(some) == 1 else statistics.quantiles(some, n=4, method="inclusive")
        return cls(middle, some[0], some[-1], len(some), mad, cuts[0], cuts[2])


@dataclass
class Results:
    """All runs so far, on what they were made, and the order in which they are shown.

    ``plan`` is what was asked for (experiment.py); None in files of an older lab.
    """

    facts: Mapping[str, str]
    workloads: Sequence[str]
    servers: Sequence[str]
    runs: list[Run] = field(default_factory=list)
    plan: Mapping[str, Any] | None = None

    def cells(self) -> dict[str, list[str]]:
        """The servers that ran, by workload."""
        ran = {(run.workload, run.server) for run in self.runs}
        found = {
            workload: [server for server in self.servers if (workload, server) in ran]
            for workload in self.workloads
        }
        return {workload: servers for workload, servers in found.items() if servers}

    def of(self, workload: str, server: str) -> list[Run]:
        """The runs of one cell."""
        return [run for run in self.runs if (run.workload, run.server) == (workload, server)]

    def void(self, workload: str, server: str) -> str | None:
        """Why a cell counts for nothing: one void run is enough."""
        for run in self.of(workload, server):
            if run.void:
                return f"{run.void} (round {run.round})"
        return None

    def values(self, workload: str, server: str, figure: str) -> dict[int, float]:
        """A figure of a cell by round; empty where the cell is void."""
        if self.void(workload, server):
            return {}
        cell = self.of(workload, server)
        return {run.round: run.figures[figure] for run in cell if figure in run.figures}

    def spread(self, workload: str, server: str, figure: str) -> Spread | None:
        """A figure of a cell over its rounds."""
        return Spread.of(self.values(workload, server, figure).values())

    def ratio(self, workload: str, figure: str, server: str, other: str) -> Spread | None:
        """A server's figure as a multiple of another's, taken within each round.

        What changes from round to round, such as the machine's mood, touches both and drops out.
        """
        above = self.values(workload, server, figure)
        below = self.values(workload, other, figure)
        return Spread.of(above[turn] / below[turn] for turn in above if below.get(turn))

    @classmethod
    def load(cls, path: Path) -> "Results":
        """What save() wrote.  Raises LabError where it cannot be read, or is something else."""
        try:
            table = json.loads(path.read_text())
            known = {name: table[name] for name in cls.__dataclass_fields__ if name in table}
            return cls(**{**known, "runs": [Run.read(run) for run in table["runs"]]})
        except OSError as error:
            raise LabError(f"{path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise LabError(f"{path} holds no results of the bench (--json)") from None

    def save(self, path: Path) -> None:
        """Writes everything as JSON, whole at once.  Raises OSError."""
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n")
        draft.replace(path)
