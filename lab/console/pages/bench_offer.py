"""What the form that starts a bench offers: boxes to be ticked, numbers within bounds.

What cannot be had here is offered too, as a box that cannot be ticked and says why.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from lab.bench import compose
from lab.bench.candidates import FLOOR
from lab.bench.options import DEFAULT
from lab.bench.setups import CONTAINERS, DIRECT, NGINX, TCP, UNIX, UWSGI
from lab.bench.workloads import CONNECTIONS, USUAL, WORKLOADS
from lab.errors import LabError
from lab.serve import read_servers

SERVERS, ONLY, WAY, BIND = "servers", "only", "way", "bind"
USUAL_SERVERS = ("paceline", "gunicorn", FLOOR)

ASKED_ANEW, DOCKER_WITHIN = 30.0, 5.0
"""Seconds for which Docker's answer is remembered, and that it may take."""


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
)
TIMES = (
    Number("rounds", "rounds", "3", 50),
    Number("seconds", "seconds of each run", "2", 60),
)
"""Which a quick look chooses by itself."""


@dataclass(frozen=True)
class Option:
    """A box; ``note`` stands beside its name, and ``missing`` says why it cannot be ticked."""

    name: str
    summary: str
    note: str = ""
    missing: str = ""
    chosen: bool = False


def servers() -> Iterator[Option]:
    """Every server in each of its models, the floor last; as `lab bench --servers` names them.

    One that is not installed here is in its image, where there is a Docker to build that.
    """
    docker = not no_docker()
    for server in read_servers().values():
        here = server.is_installed
        note = "" if here else "in containers alone" if docker else "not installed"
        missing = "" if here or docker else server.missing
        for model in server.concurrency.values():
            usual = model.name == server.default
            name = server.name if usual else f"{server.name}:{model.name}"
            yield Option(name, model.summary, note, missing)
    yield Option(FLOOR, "a loop that answers without looking: what Python itself costs")


def told(name: str, summary: str, missing: str = "") -> Option:
    """A box beside which its summary stands, or why it cannot be ticked."""
    return Option(name, summary, missing or summary, missing)


def workloads() -> Iterator[Option]:
    """Every workload."""
    return (told(name, workload.summary) for name, workload in WORKLOADS.items())


def ways() -> Iterator[Option]:
    """Those of `lab bench --way`."""
    yield told(DIRECT, "the load asks the server itself")
    yield told(NGINX, "nginx stands between them")
    both = "nginx and server in one each; their images are built first"
    yield told(CONTAINERS, both, no_docker())


BINDS = (
    told(TCP, "a port of this machine"),
    told(UNIX, "a socket in a folder"),
    told(UWSGI, "uWSGI's own protocol, which nginx alone speaks"),
)


def no_docker() -> str:
    """Why nothing can be measured in containers; empty where it can.

    The bench asks Docker as the person who started the stack would.
    """
    return _no_docker(time.monotonic() // ASKED_ANEW)


@lru_cache(maxsize=1)
def _no_docker(when: float) -> str:
    try:
        compose.version(DOCKER_WITHIN)
    except LabError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class Group:
    """Boxes of which at least one is ticked."""

    name: str
    what: str
    options: Mapping[str, Option]
    usual: Sequence[str]

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
            if missing := self.options[name].missing:
                raise Unrunnable(f"{missing[:1].upper()}{missing[1:]}.")
        return names

    def ticked(self, given: Sequence[str]) -> list[Option]:
        """The options with those chosen that were."""
        return [replace(each, chosen=each.name in given) for each in self.options.values()]


def groups() -> list[Group]:
    """All of them; which servers are installed is looked up each time."""
    boxes = (
        (SERVERS, "server", servers(), USUAL_SERVERS),
        (ONLY, "workload", workloads(), USUAL),
        (WAY, "way", ways(), (DIRECT,)),
        (BIND, "bind", BINDS, (TCP,)),
    )
    return [
        Group(name, what, {each.name: each for each in options}, usual)
        for name, what, options, usual in boxes
    ]
