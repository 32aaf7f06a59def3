"""The form that starts a bench: what may be chosen, and what was.

Every value is one of a list, or a number within bounds, before it becomes part of a command; then
the command itself is asked whether it can be followed.
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.http import QueryDict

from lab.bench import cli
from lab.bench.candidates import FLOOR
from lab.bench.experiment import Experiment
from lab.bench.options import DEFAULT
from lab.bench.rounds import Plan
from lab.bench.setups import DIRECT, NGINX, TCP, UNIX, UWSGI
from lab.bench.workloads import CONNECTIONS, USUAL, WORKLOADS
from lab.errors import LabError
from lab.serve import WordError, read_servers

SERVERS, ONLY, WAY, BIND, LATENCY, AGAINST = "servers", "only", "way", "bind", "latency", "against"
USUAL_SERVERS = ("paceline", "gunicorn", FLOOR)

MOST_RUNS = 2_000
"""Of one bench: they take hours, even the shortest."""


class Unrunnable(Exception):
    """What was given makes no bench; the message says what to change."""


@dataclass(frozen=True)
class Number:
    """A field for a number; with ``several`` for more, and ``word`` may stand in place of one."""

    name: str
    label: str
    default: str
    most: int
    several: bool = False
    word: str = ""

    def read(self, text: str) -> list[str]:
        """Each number once; those that are usual where there is none.  Raises Unrunnable."""
        text = text.strip() or self.default
        parts = [part.strip() for part in text.split(",")] if self.several else [text]
        if not all(map(self._takes, parts)):
            raise Unrunnable(f"{self.label.capitalize()}: {self.rule}.")
        return [*dict.fromkeys(part.lstrip("0") for part in parts)]

    @property
    def rule(self) -> str:
        """What can be given."""
        word = f" or “{self.word}”" if self.word else ""
        if not self.several:
            return f"a whole number from 1 to {self.most:,}"
        return f"whole numbers from 1 to {self.most:,}{word}, with commas between them"

    def _takes(self, text: str) -> bool:
        good = text.isascii() and text.isdecimal() and len(text) < 10
        return (good and 1 <= int(text) <= self.most) or text == (self.word or None)


NUMBERS = (
    Number("workers", "workers", "1", 64, several=True),
    Number("threads", "threads of each", DEFAULT, 256, several=True, word=DEFAULT),
    Number("connections", "connections at once", str(CONNECTIONS), 1_000, several=True),
    Number("rounds", "rounds", "3", 50),
    Number("seconds", "seconds of each run", "2", 60),
)


@dataclass(frozen=True)
class Option:
    """A box that can be ticked; ``missing`` says why not."""

    name: str
    summary: str
    chosen: bool = False
    missing: str = ""


def servers() -> Iterator[Option]:
    """Every server in each of its models, the floor last; as `lab bench --servers` names them."""
    for server in read_servers().values():
        missing = "" if server.is_installed else server.missing
        for model in server.concurrency.values():
            usual = model.name == server.default
            name = server.name if usual else f"{server.name}:{model.name}"
            yield Option(name, model.summary, missing=missing)
    yield Option(FLOOR, "a loop that answers without looking: what Python itself costs")


def workloads() -> Iterator[Option]:
    """Every workload."""
    return (Option(name, workload.summary) for name, workload in WORKLOADS.items())


WAYS = (
    Option(DIRECT, "the load asks the server itself"),
    Option(NGINX, "nginx stands between them"),
)
"""Not in containers: these would outlast a console that is stopped before they are removed."""

BINDS = (
    Option(TCP, "a port of this machine"),
    Option(UNIX, "a socket in a folder"),
    Option(UWSGI, "uWSGI's own protocol, which nginx alone speaks"),
)


@dataclass(frozen=True)
class Group:
    """Boxes of which at least one is ticked."""

    name: str
    what: str
    options: Mapping[str, Option]
    usual: Sequence[str]
    told: bool = True
    """Whether their summaries are to be seen, or come up by the mouse alone."""

    @property
    def legend(self) -> str:
        """What stands above them."""
        return f"{self.what}s"

    def read(self, given: Sequence[str]) -> list[str]:
        """What was chosen, each once.  Raises Unrunnable."""
        names = list(dict.fromkeys(given))
        if not names:
            raise Unrunnable(f"Choose at least one {self.what}.")
        for name in names:
            if name not in self.options:
                raise Unrunnable(f"There is no {self.what} “{name[:40]}”.")
            if self.options[name].missing:
                raise Unrunnable(self.options[name].missing + ".")
        return names

    def ticked(self, given: Sequence[str]) -> list[Option]:
        """The options with those chosen that were."""
        return [replace(each, chosen=each.name in given) for each in self.options.values()]


def groups() -> list[Group]:
    """All of them; which servers are installed is looked up each time."""
    boxes = (
        (SERVERS, "server", servers(), USUAL_SERVERS, False),
        (ONLY, "workload", workloads(), USUAL, True),
        (WAY, "way", WAYS, (DIRECT,), True),
        (BIND, "bind", BINDS, (TCP,), True),
    )
    return [
        Group(name, what, {each.name: each for each in options}, usual, told)
        for name, what, options, usual, told in boxes
    ]


@dataclass(frozen=True)
class Given:
    """What a person has chosen, as texts that may be anything; as usual where a name is missing."""

    boxes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    latency: bool = False
    against: str = ""

    @classmethod
    def sent(cls, form: QueryDict) -> "Given":
        """What came with a form."""
        return cls(
            {group.name: form.getlist(group.name) for group in groups()},
            {number.name: form.get(number.name, "").strip() for number in NUMBERS},
            LATENCY in form,
            form.get(AGAINST, ""),
        )

    @classmethod
    def like(cls, asked: Experiment, name: str) -> "Given":
        """The same again as was asked for a result, to be compared with that."""
        several = {
            "workers": asked.workers,
            "threads": [each or DEFAULT for each in asked.threads],
            "connections": asked.connections,
            "rounds": [asked.rounds],
            "seconds": [asked.seconds],
        }
        return cls(
            {SERVERS: asked.servers, ONLY: asked.workloads, WAY: asked.ways, BIND: asked.binds},
            {name: ",".join(map(str, values)) for name, values in several.items()},
            asked.latency,
            name,
        )

    def chosen(self, group: Group) -> Sequence[str]:
        """What is ticked."""
        return self.boxes.get(group.name, group.usual)

    def number(self, number: Number) -> str:
        """What stands in a field."""
        return self.numbers.get(number.name, number.default)

    def words(self) -> list[str]:
        """The options of `lab bench` that say the same.  Raises Unrunnable."""
        boxes = {group.name: group.read(self.chosen(group)) for group in groups()}
        numbers = {number.name: number.read(self.number(number)) for number in NUMBERS}
        rounds = numbers["rounds"]
        axes = [*boxes.values(), *(each for each in numbers.values() if each is not rounds)]
        runs = math.prod(map(len, axes)) * int(rounds[0])
        if runs > MOST_RUNS:
            raise Unrunnable(f"That makes {runs:,} runs; choose less, for at most {MOST_RUNS:,}.")
        words = [f"--{ONLY}={name}" for name in boxes.pop(ONLY)]
        words += [f"--{name}={','.join(values)}" for name, values in {**boxes, **numbers}.items()]
        return [*words, f"--{LATENCY}"] if self.latency else words


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
