"""The places that settings come from, each read into one layer."""

import difflib
import runpy
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

from paceline.errors import ConfigError
from paceline.settings import foreign
from paceline.settings.command_line import Parser
from paceline.settings.declare import Setting

DEFAULT_FILE = "./paceline.conf.py"
ARGUMENTS = "PACELINE_CMD_ARGS"

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Layer:
    """What one place says, unparsed, by the name of the setting."""

    values: Mapping[str, object]
    say: Callable[[Setting], str]
    """Where exactly a setting's value stands, as errors and ``--print-config`` name it."""


def command_line(parser: Parser, argv: Sequence[str], warn: Warn) -> Layer:
    return _arguments(parser, argv, "", warn)


def argument_variable(parser: Parser, environ: Mapping[str, str], warn: Warn) -> Layer:
    """The variable that holds a command line of its own, as GUNICORN_CMD_ARGS does."""
    try:
        argv = shlex.split(environ.get(ARGUMENTS, ""))
        return _arguments(parser, argv, f"{ARGUMENTS}: ", warn)
    except ValueError as error:
        raise ConfigError(f"{ARGUMENTS}: {error}") from None


def _arguments(parser: Parser, argv: Sequence[str], prefix: str, warn: Warn) -> Layer:
    try:
        values = parser.read(argv)
    except ConfigError as error:
        raise ConfigError(f"{prefix}{error}") from None
    foreign.check(values.items(), lambda name: prefix + foreign.FOREIGN[name].flags[-1], warn)
    return Layer(values, lambda setting: prefix + (setting.flag or setting.metavar))


def environment(settings: Iterable[Setting], environ: Mapping[str, str]) -> Layer:
    """The variables that single settings have; an empty one that means nothing is not set."""
    values = {}
    for setting in settings:
        given = environ.get(setting.env)
        if given is not None and (given or _means_something(setting)):
            values[setting.name] = setting.from_env(given)
    return Layer(values, lambda setting: setting.env)


def _means_something(setting: Setting) -> bool:
    try:
        setting.parse(setting.from_env(""))
    except ValueError:
        return False
    return True


def file(settings: Iterable[Setting], where: str | None, cwd: Path, warn: Warn) -> Layer:
    """The configuration file or module at ``where``, or the default file if it exists.

    Runs it.  Raises ConfigError when it is not there or fails.
    """
    if where is None and not (cwd / DEFAULT_FILE).exists():
        return Layer({}, lambda setting: setting.name)
    place = where or DEFAULT_FILE
    found = _run(place, cwd)
    known = {setting.name for setting in settings if setting.in_file}
    _warn_of_others(found, known, place, warn)
    foreign.check(found.items(), lambda name: f"{place}: {name}", warn)
    # None says "the default" in files for gunicorn.
    values = {name: found[name] for name in known & set(found) if found[name] is not None}
    return Layer(values, lambda setting: f"{place}: {setting.name}")


def _run(place: str, cwd: Path) -> Mapping[str, object]:
    module = place.removeprefix("python:") if place.startswith("python:") else ""
    path = cwd / place.removeprefix("file:")
    if not module and not path.exists():
        raise ConfigError(f"--config: there is no file {place}")
    if str(cwd) not in sys.path:
        sys.path.insert(0, str(cwd))
    try:
        if module:
            return runpy.run_module(module, run_name="__config__")
        return runpy.run_path(str(path), run_name="__config__")
    # SystemExit too: at a reload it would be the end of the server, and of all its workers.
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{place}: {_in_one_line(error)}") from error


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"


def _warn_of_others(found: Mapping[str, object], known: set[str], place: str, warn: Warn) -> None:
    """Other names are the file's own business, unless they look like a slip."""
    for name, value in found.items():
        if name in known or name in foreign.FOREIGN or isinstance(value, ModuleType | FunctionType):
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if near:
            warn(f"{place}: {name} is no setting; did you mean {near[0]}?")
