"""The lab's commands as a person can type them where they are, for messages.

`make up` is for those who stand in the repository.  Elsewhere `lab up` does the same, if need be by
its path: a virtual environment that nobody has activated is not on PATH.
"""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.words import WORDS

HOME = Path(__file__).resolve().parents[1]
OPTIONS = {word.name: word.option for word in WORDS}


def lab() -> str:
    """The program: its name where PATH leads to it, else its path, quoted for a shell."""
    own = Path(sys.executable).with_name("lab")
    found = shutil.which("lab")
    if not own.exists() or (found and Path(found).absolute() == own):
        return "lab"
    inside = Path.cwd() == HOME and own.is_relative_to(HOME)
    return shlex.quote(str(own.relative_to(HOME) if inside else own))


def command(name: str, words: Mapping[str, str] | None = None) -> str:
    """`up`, `down` or `status` with words, which may be empty, as one line for a shell."""
    words = words or {}
    if Path.cwd() == HOME:  # make would take a single $ for a variable of its own
        given = (f"{word}={value}".replace("$", "$$") for word, value in words.items())
        return " ".join(["make", name, *map(quoted, given)])
    before = [f"{word}={value}" for word, value in words.items() if word not in OPTIONS]
    options = [
        part for word, value in words.items() if word in OPTIONS for part in (OPTIONS[word], value)
    ]
    return " ".join([*map(quoted, before), lab(), name, *map(quoted, options)])


def quoted(part: str) -> str:
    """An argument as a shell takes it; of NAME=value the name stands bare."""
    name, equals, value = part.partition("=")
    if equals and name.isidentifier():
        return f"{name}={shlex.quote(value) if value else ''}"
    return shlex.quote(part)


def how_to_start() -> str:
    """What to say where no stack is up."""
    docker = " or `docker compose up`" if Path.cwd() == HOME else ""
    return f"`{command('up')}`{docker} starts a stack"


def how_to_stop(words: Mapping[str, str]) -> str:
    """The command that stops a stack, with what it has to be told to find it (Layout.words)."""
    return f"`{command('down', words)}` stops it"
