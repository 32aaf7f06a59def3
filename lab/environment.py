"""Where the words come from: options of `lab up`, else the environment, else the file .env."""

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from lab.serve import APPS, WordError
from lab.words import WORDS

OTHERS = {
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "LAB_VAR",
    "LISTEN_ADDRESS",
    "LOCUST_HOST",
    "LOCUST_HOST_FIELD",
    "LOCUST_MASTER",
    "LOCUST_PORT",
    "LOCUST_RATE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "SECURE_COOKIES",
    "WEB_CONCURRENCY",
}
"""Names beside the words: for the application, containers, the console, servers, Locust."""

CLOSE = 0.8
"""How much of a name is as in a word: SERVRE and THREAD are slips; HTTPS_PROXY, 0.76, is not."""


def read_file(path: Path, *, interpolate: bool = True) -> dict[str, str | None]:
    """The lines NAME=value of a file; none where there is no file.

    Raises WordError where it cannot be read, or has a line that is none: python-dotenv would pass
    over that, and with it over the word that somebody thinks is set.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise WordError(f"{path}: cannot be read: {error}") from error
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise WordError(
                f"{path}, line {binding.original.line}: write NAME=value, with quotes closed"
            )
    return dotenv_values(stream=io.StringIO(text), interpolate=interpolate)


def environment(options: Mapping[str, str | None], dotenv: Path) -> dict[str, str]:
    """The environment of the stack."""
    layers = (
        own_project(read_file(dotenv), dotenv.parent),
        own_project(os.environ, Path.cwd()),
        own_project(options, Path.cwd()),
    )
    return {name: value for layer in layers for name, value in layer.items() if value is not None}


def own_project(layer: Mapping[str, str | None], base: Path) -> dict[str, str | None]:
    """A layer with paths from its folder on, and with APP either a name or APP_PATH.

    So the last one who says what is served is followed: `APP=tiny` undoes an APP_PATH of .env.
    """
    words = dict(layer)
    app = words.get("APP")
    if app and app not in APPS and (os.sep in app or app == "." or (base / app).is_dir()):
        words |= {"APP": "", "APP_PATH": app}
    elif app:
        words |= {name: words.get(name) or "" for name in ("APP_PATH", "APP_WSGI")}
    for name in ("APP_PATH", "APP_ENV_FILE"):
        if path := words.get(name):
            words[name] = os.path.normpath(base / path)
    return words


def names_for_us(dotenv: Path) -> Iterator[str]:
    """The names that were given to the lab: those in .env, and those behind `make up`.

    Not those of the environment, in which a name may be for any other program.
    """
    yield from read_file(dotenv)
    # make hands its command line on in MAKEFLAGS, with a backslash before each space of a value.
    yield from re.findall(r"(?:^|(?<!\\)\s)(\w+)=", os.environ.get("MAKEFLAGS", ""))


def refuse_slips(names: Iterable[str]) -> None:
    """Raises WordError for the first name that is no word and close to one.

    What is close to none passes: .env and make are there for servers and applications too.
    """
    known = {word.name for word in WORDS} | OTHERS
    for name in names:
        near = get_close_matches(name.upper(), known, n=1, cutoff=CLOSE)
        if near and name not in known and not name.startswith(("COMPOSE_", "DOCKER_")):
            raise WordError(f"{name}: no such word; did you mean {near[0]}?")
