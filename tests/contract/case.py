"""Requests as data: the files of tests/corpus/, whose format its README.md describes."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True)
class Expected:
    """What one answer must be."""

    status: int
    closes: bool = False
    bodiless: bool = False
    environ: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    body: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One file."""

    name: str
    why: str
    request: bytes
    answers: tuple[Expected, ...]
    ends: bool = False

    @property
    def stays_open(self) -> bool:
        return not self.ends and not self.answers[-1].closes

    def closing_after_one(self) -> "Case":
        """The same, sent to a server that closes after each answer."""
        first = [replace(answer, closes=True, fields={}) for answer in self.answers[:1]]
        return replace(self, answers=tuple(first))


def _octets(request: str | list[str | dict[str, Any]]) -> bytes:
    parts = [request] if isinstance(request, str) else request
    text = "".join(
        part if isinstance(part, str) else part["repeat"] * part["times"] for part in parts
    )
    return text.encode("latin-1")


def read(path: Path) -> Case:
    """Read one case.  Raises TypeError for a key that is missing or unknown."""
    data = tomllib.loads(path.read_text())
    answers = tuple(Expected(**answer) for answer in data.pop("answer", []))
    return Case(path.stem, request=_octets(data.pop("request")), answers=answers, **data)


CASES = [read(path) for path in sorted(DIRECTORY.glob("*.toml"))]
