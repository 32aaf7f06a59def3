"""The form that starts a bench: what may be chosen, and what was.

Every value is one of a list, or a number within bounds, before it becomes part of a command.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.bench.candidates import FLOOR
from lab.bench.workloads import CONNECTIONS, USUAL, WORKLOADS
from lab.serve import read_servers

SERVERS, ONLY, LATENCY = "servers", "only", "latency"
USUAL_SERVERS = ("paceline", "gunicorn", FLOOR)


class Unrunnable(Exception):
    """What was given makes no bench; the message says what to change."""


@dataclass(frozen=True)
class Number:
    """A number that is asked for."""

    name: str
    label: str
    default: int
    most: int

    def read(self, text: str) -> int:
        """Raises Unrunnable."""
        good = text.isascii() and text.isdecimal() and len(text) < 10
        if not good or not 1 <= int(text) <= self.most:
            raise Unrunnable(f"{self.label.capitalize()}: a whole number from 1 to {self.most:,}.")
        return int(text)


NUMBERS = (
    Number("connections", "connections at once", CONNECTIONS, 1_000),
    Number("rounds", "rounds", 3, 50),
    Number("seconds", "seconds of each run", 2, 60),
)


@dataclass(frozen=True)
class Option:
    """A box that can be ticked; ``missing`` says why not."""

    name: str
    summary: str
    chosen: bool = False
    missing: str = ""


def servers() -> dict[str, Option]:
    """Every server in each of its models, the floor last; as `lab bench --servers` names them."""
    found = []
    for server in read_servers().values():
        missing = "" if server.is_installed else server.missing
        for model in server.concurrency.values():
            usual = model.name == server.default
            name = server.name if usual else f"{server.name}:{model.name}"
            found.append(Option(name, model.summary, missing=missing))
    found.append(Option(FLOOR, "a loop that answers without looking: what Python itself costs"))
    return {option.name: option for option in found}


def workloads() -> dict[str, Option]:
    """Every workload."""
    return {name: Option(name, workload.summary) for name, workload in WORKLOADS.items()}


@dataclass(frozen=True)
class Given:
    """What a person has chosen, as texts that may be anything."""

    servers: Sequence[str] = USUAL_SERVERS
    only: Sequence[str] = USUAL
    latency: bool = False
    numbers: Mapping[str, str] | None = None

    def number(self, number: Number) -> str:
        """What stands in a field."""
        return (self.numbers or {}).get(number.name, str(number.default))

    def command(self, out: Path) -> list[str]:
        """The command line that does it, and writes to a file.  Raises Unrunnable."""
        chosen = one_of_each("server", self.servers, servers())
        asked = one_of_each("workload", self.only, workloads())
        words = [f"--{SERVERS}", ",".join(chosen)]
        for name in asked:
            words += [f"--{ONLY}", name]
        for number in NUMBERS:
            words += [f"--{number.name}", str(number.read(self.number(number)))]
        if self.latency:
            words.append(f"--{LATENCY}")
        return [sys.executable, "-m", "lab", "bench", *words, "--json", str(out)]


def one_of_each(what: str, given: Sequence[str], known: Mapping[str, Option]) -> list[str]:
    """What was chosen, each once.  Raises Unrunnable."""
    names = list(dict.fromkeys(given))
    if not names:
        raise Unrunnable(f"Choose at least one {what}.")
    for name in names:
        if name not in known:
            raise Unrunnable(f"There is no {what} “{name[:40]}”.")
        if known[name].missing:
            raise Unrunnable(known[name].missing + ".")
    return names


def ticked(options: Mapping[str, Option], given: Sequence[str]) -> list[Option]:
    """The options with those chosen that were."""
    return [
        Option(each.name, each.summary, each.name in given, each.missing)
        for each in options.values()
    ]
