"""What is asked of the servers: the entries of lab/workloads.toml, whose head explains them."""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.serve import APPS, WEBAPP
from lab.stack.layout import REPO

TABLE = REPO / "lab" / "workloads.toml"

CONNECTIONS = 32
"""Connections of the load: more than a pool of 8 threads, so that the threads are what counts."""

DJANGO = ":".join(APPS["django"])

Accepts = Callable[[bytes], bool]


@dataclass(frozen=True)
class Slow:
    """Clients that ask for a path and take ``rate`` bytes per second of the answer each."""

    connections: int
    path: str
    rate: int


@dataclass(frozen=True)
class Workload:
    """A request to one application, and what its answer must be.

    ``upload`` is the length of the request's body in bytes.  ``arguments`` are for the servers of
    servers.toml by their name.  With ``idle`` the workload is not load but that many connections
    that were used once and are kept.  With ``slow`` others read slowly beside the load.
    ``variables`` are for the servers' environment; ``host`` is said where it is not the address.
    ``project`` are the words that name a project of one's own, where it is one.
    """

    name: str
    summary: str
    application: str
    folder: Path
    path: str
    accepts: Accepts
    floor: bool = False
    idle: int = 0
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    upload: int = 0
    keep_alive: bool = True
    usual: bool = False
    slow: Slow | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    project: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> "Workload":
        """One entry as tomllib reads it; a key that is not known raises TypeError."""
        rest = {key: value for key, value in table.items() if key not in CONDITIONS}
        app = rest.pop("app")
        rest |= {"slow": Slow(**rest["slow"])} if "slow" in rest else {}
        application, folder = (":".join(APPS[app]), WEBAPP) if app in APPS else (app, REPO)
        return cls(name, application=application, folder=folder, accepts=all_of(table), **rest)

    @property
    def method(self) -> str:
        """GET, or POST where there is a body to send."""
        return "POST" if self.upload else "GET"

    @property
    def headers(self) -> dict[str, str]:
        """The fields of the request beside those that every client sends."""
        host = {"Host": self.host} if self.host else {}
        return {**host, **({} if self.keep_alive else {"Connection": "close"})}

    def request(self, host: str) -> str:
        """The whole request, as it goes over the wire."""
        return request_text(self.path, host, self.upload, self.headers)


def request_text(path: str, host: str, upload: int, headers: Mapping[str, str]) -> str:
    """A request with a body of ``upload`` bytes, or a GET."""
    fields = {"Host": host, **headers, **({"Content-Length": str(upload)} if upload else {})}
    lines = [f"{'POST' if upload else 'GET'} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", "x" * upload])


def exactly(expected: bytes) -> Accepts:
    """Accepts one body."""
    return lambda body: body == expected


def json_with(condition: Callable[[dict[str, object]], bool]) -> Accepts:
    """Accepts a JSON object for which the condition holds."""

    def accepts(body: bytes) -> bool:
        try:
            answer = json.loads(body)
        except ValueError:
            return False
        return isinstance(answer, dict) and condition(answer)

    return accepts


def members(expected: Mapping[str, object]) -> Accepts:
    """Accepts a JSON object with these members among others."""
    return json_with(lambda answer: expected.items() <= answer.items())


def at_least(lowest: Mapping[str, float]) -> Accepts:
    """Accepts a JSON object in which these members are numbers and no lower than this."""

    def holds(answer: dict[str, object]) -> bool:
        found = ((answer.get(name), least) for name, least in lowest.items())
        return all(isinstance(value, float) and value >= least for value, least in found)

    return json_with(holds)


CONDITIONS: Mapping[str, Callable[[Any], Accepts]] = {
    "body": lambda text: exactly(text.encode()),
    "contains": lambda text: lambda body: text.encode() in body,
    "length": lambda length: lambda body: len(body) == length,
    "json": members,
    "at_least": at_least,
}
"""What an entry may say of the answer, by its key."""


def all_of(table: Mapping[str, Any]) -> Accepts:
    """Accepts what meets every condition of an entry.  Raises ValueError where there is none."""
    conditions = [CONDITIONS[key](value) for key, value in table.items() if key in CONDITIONS]
    if not conditions:
        raise ValueError(f"a workload must say what its answer is: {', '.join(CONDITIONS)}")
    return lambda body: all(accepts(body) for accepts in conditions)


def read_workloads(path: Path = TABLE) -> dict[str, Workload]:
    """Every workload of the table by its name, in the table's order."""
    with path.open("rb") as file:
        tables = tomllib.load(file).items()
    return {name: Workload.from_table(name, table) for name, table in tables}


WORKLOADS = read_workloads()


def summary_of(name: str) -> str:
    """What a workload is, for people; of a project's path there is no more to say."""
    return WORKLOADS[name].summary if name in WORKLOADS else f"GET {name}"


USUAL = tuple(name for name, workload in WORKLOADS.items() if workload.usual)
