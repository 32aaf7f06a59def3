"""Every command of the documents can be given: its target, its words, its options are there."""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import pytest
from click import NoSuchOption
from paceline.config import load
from paceline.errors import ConfigError

from lab.cli import main
from lab.serve import WordError
from lab.words import WORDS, Words
from tests.unit.docs.pages import PAGES, REPO, blocks, names
from tests.unit.docs.project import has_address

MAKEFILE = (REPO / "Makefile").read_text()
TARGETS = set(" ".join(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)).split())
COMPOSE = (REPO / "docker-compose.yml").read_text()
SERVICES = set(re.findall(r"^  (\w+):$", COMPOSE.partition("\nservices:")[2], re.MULTILINE))
PROFILES = set(re.findall(r"^    profiles: \[(\w+)\]$", COMPOSE, re.MULTILINE))

WORD = re.compile(r"([A-Z_]+)=(.*)")
OTHERS = ("PACELINE_CMD_ARGS", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables before a command that are not the lab's words."""
PROJECT = {"/srv/project": "tests/apps/django_shop"}
"""What a container sees of a project of one's own: the one of docs/your-app.md."""
ADDRESS = re.compile(r"https?://localhost:\d+(/[^\s'\"]*)")


def words_of(arguments: Sequence[str], more: tuple[str, ...] = ()) -> list[str]:
    """Take the NAME=value from a command line, each of which must be a word with that choice."""
    found = {match[1]: match[2] for each in arguments if (match := WORD.fullmatch(each))}
    known = {word.name for word in WORDS}
    assert found.keys() <= known | set(more)
    Words.read({name: value for name, value in found.items() if name in known})
    return [each for each in arguments if not WORD.fullmatch(each)]


def make(arguments: list[str]) -> None:
    numbers = ("FUZZ_SECONDS", "FUZZ_MUTATIONS", "FUZZ_SEED", "SOAK_MINUTES")
    left = words_of(arguments, more=("PYTHON", "VENV", "PYTEST", "BENCH", *numbers))
    assert set(left) <= TARGETS


def lab(arguments: list[str]) -> None:
    name, *rest = arguments
    if name.startswith("-"):
        assert name in {option for each in main.params for option in each.opts}
        return
    command = main.commands[name]
    if "--help" in rest:  # it ends the reading of what stands behind it
        assert rest == ["--help"]
        return
    command.make_context(name, rest)


def paceline(arguments: list[str]) -> None:
    load(arguments, {}, REPO / "webapp")


def docker(arguments: list[str]) -> None:
    known = {"up": {"--build", "--detach", "-d", "--scale"}, "down": {"-v"}, "logs": SERVICES}
    known |= {"kill": {"-s", "HUP", *SERVICES}}
    compose, name, *arguments = arguments
    assert compose == "compose"
    if name == "--profile":
        profile, name, *arguments = arguments
        assert profile in PROFILES
    if name == "exec":
        service, program, *arguments = arguments
        assert service in SERVICES
        TRIED[program](arguments)
        return
    options = known[name]
    for argument in arguments:
        service, is_scale, _ = argument.partition("=")
        assert service in SERVICES if is_scale else argument in options


def python(arguments: list[str]) -> None:
    path, *more = arguments
    if path == "-m":
        path = f"{more[0].replace('.', '/')}.py"
    for inside, here in PROJECT.items():
        path = path.replace(inside, here)
    assert (REPO / path).exists()


def pip(arguments: list[str]) -> None:
    command, *options, path = arguments
    assert command == "install"
    if options:
        assert options == ["--require-hashes", "-r"]
        assert (REPO / path).exists()
    else:
        assert (REPO / path / "pyproject.toml").exists()


def curl(arguments: list[str]) -> None:
    assert any(map(ADDRESS.match, arguments))


TRIED: dict[str, Callable[[list[str]], None]] = {
    each.__name__: each for each in (make, lab, paceline, docker, python, pip, curl)
}


@dataclass(frozen=True)
class Command:
    """A program that is tried here, with the words before it."""

    before: tuple[str, ...]
    program: str
    arguments: tuple[str, ...]

    def check(self) -> None:
        """Fail where it cannot be given."""
        assert words_of(self.before, more=OTHERS) == []
        TRIED[self.program](list(self.arguments))


def commands(line: str) -> Iterator[Command]:
    """The commands of one line, without what stands around them, which is the shell's."""
    for part in re.split(r"[|()]|&&", line.removeprefix("$ ").replace("NAME", "gunicorn")):
        try:
            parts = shlex.split(part, comments=True)
        except ValueError:
            continue  # a line of an answer, with a quotation mark
        before = tuple(takewhile(WORD.fullmatch, parts))
        path, *arguments = parts[len(before) :] or [""]
        program = path.rpartition("/")[2]
        if program in TRIED:
            yield Command(before, program, tuple(arguments))


LINES = {line for page in PAGES for line in [*blocks(page.read_text()), *names(page)]}
GIVEN = {line: list(commands(line)) for line in sorted(LINES) if " " in line}


@pytest.mark.parametrize("line", [line for line, given in GIVEN.items() if given])
def test_a_command_can_be_given(line: str):
    for command in GIVEN[line]:
        command.check()


def test_every_address_in_a_command_is_answered():
    paths = [path for line in LINES for path in ADDRESS.findall(line)]
    assert len(paths) > 3
    assert [path for path in paths if not has_address(path)] == []


def test_the_two_commands_are_in_the_readme():
    lines = blocks((REPO / "README.md").read_text())
    given = {(each.program, *each.arguments) for line in lines for each in commands(line)}
    assert {("docker", "compose", "up"), ("make", "up"), ("make", "test")} <= given


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("make everything", AssertionError),
        ("make up SERVE=gunicorn", AssertionError),
        ("SERVER=unicorn docker compose up", WordError),
        ("docker compose up --everything", AssertionError),
        ("docker compose --profile everything up", AssertionError),
        ("docker compose exec everything python webapp/manage.py check", AssertionError),
        ("python webapp/everything.py check", AssertionError),
        ("lab everything", KeyError),
        ("lab up --everything", NoSuchOption),
        ("paceline config.wsgi --everything", ConfigError),
    ],
)
def test_a_command_that_cannot_be_given_is_found(line: str, error: type[Exception]):
    (command,) = commands(line)
    with pytest.raises(error):
        command.check()
