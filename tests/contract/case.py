"""Requests as data: the files of tests/corpus/, whose format its README.md describes."""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
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
    absent: Sequence[str] = ()
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
    """Read one file, as ``parse`` does."""
    return parse(path.stem, path.read_text())


def parse(name: str, text: str) -> Case:
    """Read the text of a case.  Raises TypeError for a key that is missing or unknown."""
    data = tomllib.loads(text)
    answers = tuple(Expected(**answer) for answer in data.pop("answer", []))
    return Case(name, request=_octets(data.pop("request")), answers=answers, **data)


def render(case: Case) -> str:
    """Write a case as a file, from which ``read`` gets the same."""
    parts = re.findall(r".*?\r\n|.+", case.request.decode("latin-1"), re.DOTALL)
    request = "".join(_escape(part) + "\\\n" for part in parts)
    text = f'why = "{_escape(case.why)}"\nrequest = """\\\n{request}"""\n'
    if case.ends:
        text += "ends = true\n"
    for answer in case.answers:
        text += f"\n[[answer]]\nstatus = {answer.status}\n"
        for key, value in asdict(answer).items():
            if key != "status" and value != getattr(Expected(200), key):
                text += f"{key} = {_render_value(value)}\n"
    return text


def _escape(text: str) -> str:
    """Within quotes; white space at the start is escaped, since a line's end would take it."""
    escaped = json.dumps(text)[1:-1].replace("\x7f", "\\u007f")
    return re.sub("^ ", r"\\u0020", escaped)


def _render_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{_escape(key)}"'


def _render_value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            items = (f"{_render_key(key)} = {_render_value(each)}" for key, each in value.items())
            return "{ " + ", ".join(items) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_render_value, value)) + "]"
    return f'"{_escape(str(value))}"'


CASES = [read(path) for path in sorted(DIRECTORY.glob("*.toml"))]
