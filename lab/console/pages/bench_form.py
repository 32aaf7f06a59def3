"""The form that starts a bench: what a person has chosen, and the command that does it.

Every value is one of a list, a number within bounds or a path of the project that the stack runs,
before it becomes part of a command; then the command itself is asked whether it can be followed.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.http import QueryDict

from lab.bench import cli
from lab.bench.experiment import QUICK_ROUNDS, Experiment
from lab.bench.options import DEFAULT
from lab.bench.rounds import Plan
from lab.console.pages.bench_offer import (
    BIND,
    NUMBERS,
    ONLY,
    SERVERS,
    TIMES,
    WAY,
    Group,
    Number,
    Unrunnable,
    groups,
)
from lab.errors import LabError
from lab.serve import WordError

QUICK, LATENCY, AGAINST, OWN, PATHS = "quick", "latency", "against", "own", "paths"

OPTIONS = {
    "APP_PATH": "--app",
    "APP_WSGI": "--wsgi",
    "APP_REQUIREMENTS": "--requirements",
    "APP_ENV_FILE": "--env-file",
}
"""What `lab bench` calls the words that name a project of one's own."""

MOST_RUNS = 2_000
"""Of one bench: they take hours, even the shortest."""

MOST_PATHS, LONGEST_PATH = 20, 2_000


@dataclass(frozen=True)
class Given:
    """What a person has chosen, as texts that may be anything; as usual where a name is missing.

    ``project`` are the words of the one that the stack runs, and empty where it runs none: with
    ``own`` it is asked for ``paths`` in place of the workloads.
    """

    boxes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    latency: bool = False
    against: str = ""
    quick: bool = False
    own: bool = True
    paths: str = "/"
    project: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls, form: QueryDict, project: Mapping[str, str]) -> "Given":
        """What came with a form."""
        return cls(
            {group.name: form.getlist(group.name) for group in groups()},
            {number.name: form.get(number.name, "").strip() for number in (*NUMBERS, *TIMES)},
            LATENCY in form,
            form.get(AGAINST, ""),
            QUICK in form,
            OWN in form,
            form.get(PATHS, ""),
            project,
        )

    @classmethod
    def like(cls, asked: Experiment, name: str, project: Mapping[str, str]) -> "Given":
        """The same again as was asked for a result, to be compared with that."""
        own = bool(asked.project)
        several = {
            "workers": asked.workers,
            "threads": [each or DEFAULT for each in asked.threads],
            "connections": asked.connections,
            "rounds": [asked.rounds],
            "seconds": [asked.seconds],
        }
        boxes = {SERVERS: asked.servers, WAY: asked.ways, BIND: asked.binds}
        return cls(
            boxes if own else {**boxes, ONLY: asked.workloads},
            {name: ",".join(map(str, values)) for name, values in several.items()},
            asked.latency,
            name,
            own=own,
            paths=" ".join(asked.workloads) if own else "/",
            project=project,
        )

    def chosen(self, group: Group) -> Sequence[str]:
        """What is ticked."""
        return self.boxes.get(group.name, group.usual)

    def number(self, number: Number) -> str:
        """What stands in a field."""
        return self.numbers.get(number.name, number.default)

    def words(self) -> list[str]:
        """The options of `lab bench` that say the same.  Raises Unrunnable."""
        boxes = {group.name: group for group in groups()}
        asked, named = self._asked(boxes.pop(ONLY))
        chosen = {name: group.read(self.chosen(group)) for name, group in boxes.items()}
        chosen |= {number.name: number.read(self.number(number)) for number in NUMBERS}
        times = {} if self.quick else {each.name: each.read(self.number(each)) for each in TIMES}
        rounds = QUICK_ROUNDS if self.quick else int(times["rounds"][0])
        if (runs := math.prod(map(len, [asked, *chosen.values()])) * rounds) > MOST_RUNS:
            raise Unrunnable(f"That makes {runs:,} runs; choose less, for at most {MOST_RUNS:,}.")
        words = [f"--{name}={','.join(values)}" for name, values in {**chosen, **times}.items()]
        flags = {QUICK: self.quick, LATENCY: self.latency}
        return [*named, *words, *(f"--{name}" for name, given in flags.items() if given)]

    def _asked(self, workloads: Group) -> tuple[list[str], list[str]]:
        """Workloads or paths, and the options that say so.  Raises Unrunnable."""
        if not (self.project and self.own):
            names = workloads.read(self.chosen(workloads))
            return names, [f"--{ONLY}={name}" for name in names]
        named = [f"{OPTIONS[word]}={value}" for word, value in self.project.items() if value]
        paths = paths_of(self.paths)
        return paths, [*named, *(f"--path={path}" for path in paths)]


def paths_of(text: str) -> list[str]:
    """The paths of a text, each once; / where there is none.  Raises Unrunnable."""
    paths = list(dict.fromkeys(text.split())) or ["/"]
    for path in paths:
        good = path.isascii() and path.isprintable() and len(path) <= LONGEST_PATH
        if not (good and path.startswith("/")):
            raise Unrunnable(
                f"Paths to ask: “{path[:40]}” must begin with / and hold nothing but ASCII; "
                "write spaces between several."
            )
    if len(paths) > MOST_PATHS:
        raise Unrunnable(f"Paths to ask: {len(paths)} are too many; at most {MOST_PATHS}.")
    return paths


def planned(words: Sequence[str]) -> Plan:
    """What the command makes of its options.  Raises Unrunnable."""
    try:
        plan, _ = cli.asked(words).plan()
    except (WordError, LabError) as error:
        said = str(error).removeprefix("--")
        raise Unrunnable(f"{said[:1].upper()}{said[1:]}.") from error
    return plan


def command(words: Sequence[str], out: Path, against: Path | None) -> list[str]:
    """The command line that measures and writes to a file."""
    compared = [f"--{AGAINST}={against}"] if against else []
    return [sys.executable, "-m", "lab", "bench", *words, *compared, f"--json={out}"]
