"""The words that choose what the stack runs, each declared once.

An empty word counts as not given.  The same words mean the same to `docker compose`, whose build
asks `python -m lab.words` whether those of the environment can be followed.  So, as lab/serve.py,
this uses nothing but the standard library.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from lab.serve import APPS, TRACES, Choice, WordError, is_port, one_of, read_servers

TRANSPORTS = ("tcp", "unix", "uwsgi")
PORTS = ("HTTP_PORT", "HTTPS_PORT", "CONSOLE_PORT")


@dataclass(frozen=True)
class Word:
    """One word: its name in the environment, its default as text, and what it chooses."""

    name: str
    default: str
    help: str
    flag: str = ""

    @property
    def option(self) -> str:
        """The option of `lab up` that sets it."""
        return self.flag or "--" + self.name.lower().replace("_", "-")


WORDS = (
    Word("SERVER", "paceline", f"The server behind the proxy: {', '.join(read_servers())}."),
    Word("APP", "django", f"The application: {', '.join(APPS)}, or the folder of your own."),
    Word("APP_PATH", "", "The same as --app with a folder."),
    Word("APP_WSGI", "", "What your own is served by: module:callable.", "--wsgi"),
    Word(
        "APP_REQUIREMENTS",
        "",
        "The file in it that says what it requires, or none; left out: requirements.txt, else "
        "pyproject.toml.",
        "--requirements",
    ),
    Word("APP_ENV_FILE", "", "A file of NAME=value lines that your own gets.", "--env-file"),
    Word("WORKERS", "1", "Processes of the server."),
    Word("THREADS", "", "Threads of each process; left out: what suits the server."),
    Word("CONCURRENCY", "", "The server's concurrency model; `lab servers` lists them."),
    Word(
        "TRANSPORT", "tcp", "Between proxy and server: tcp, unix, or uwsgi's own protocol: uwsgi."
    ),
    Word("HTTP_PORT", "8080", "The proxy's port for HTTP."),
    Word("HTTPS_PORT", "8443", "The proxy's port for HTTPS."),
    Word("CONSOLE_PORT", "8081", "The port of the console, which shows the traces."),
    Word("DATABASE_URL", "", "The database; left out: SQLite in var/data."),
    Word("LAB_TRACE", "all", "Which requests are traced: all, sampled (the client says), off."),
    Word("LAB_TRACE_BYTES", "on", "Whether heads and bodies are in the traces: on or off."),
)


@dataclass(frozen=True)
class Words:
    """What a stack shall run, checked, and the environment that its processes get."""

    choice: Choice
    transport: str
    http_port: int
    https_port: int
    console_port: int
    trace: str
    environ: Mapping[str, str]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Words":
        """Reads and checks every word; an empty one gets its default.  Raises WordError."""
        words = {**environ, **{word.name: environ.get(word.name) or word.default for word in WORDS}}
        choice = Choice.from_words(words)
        transport = one_of("TRANSPORT", words, TRANSPORTS, "tcp")
        if transport not in choice.server.bind:
            raise WordError(f"TRANSPORT={transport}: {choice.server.name} cannot listen there")
        # Whether a port is free is asked where somebody will listen: lab/stack/ports.py, or Docker.
        http, https, console = (port(name, words) for name in PORTS)
        for first, second in combinations(PORTS, 2):
            if int(words[first]) == int(words[second]):
                raise WordError(f"{second}={words[second]}: is {first} too; choose another")
        trace = one_of("LAB_TRACE", words, TRACES, "all")
        one_of("LAB_TRACE_BYTES", words, ("on", "off"), "on")
        return cls(choice, transport, http, https, console, trace, words)

    @property
    def given(self) -> dict[str, str]:
        """Those that are not at their default."""
        return given(self.environ)


def given(words: Mapping[str, str]) -> dict[str, str]:
    """Those that are not at their default, in the order of WORDS."""
    said = {word.name: words.get(word.name) or word.default for word in WORDS}
    return {word.name: said[word.name] for word in WORDS if said[word.name] != word.default}


def port(word: str, words: Mapping[str, str]) -> int:
    """The port that a word names.  Raises WordError."""
    if not is_port(words[word]):
        raise WordError(f"{word}={words[word]}: must be a port, 1 to 65535")
    return int(words[word])


def main() -> None:
    """Checks the words of the environment; exits with 2 where one cannot be followed."""
    try:
        Words.read(os.environ)
    except WordError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
