"""A size as command lines, as the lab itself starts these servers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.advise.sizing import Size
from lab.serve import APPS, Choice

BIND = "127.0.0.1:8000"
DJANGO = ":".join(APPS["django"])

PACELINE_OWN = 64
"""Threads that paceline's adaptive model sends out by itself, where they are needed."""

MODELS = (
    ("paceline", "adaptive"),
    ("paceline", "pool"),
    ("paceline", "serial"),
    ("gunicorn", "gthread"),
    ("gunicorn", "sync"),
    ("uwsgi", "threads"),
)
"""The servers and models that are advised."""

ONE_AT_A_TIME = ("serial", "sync")
"""Models of which a process does one request at a time, also for what is not thread-safe."""


@dataclass(frozen=True)
class Setting:
    """A server with its processes and threads; ``note`` is for people."""

    words: Mapping[str, str]
    note: str = ""

    @property
    def choice(self) -> Choice:
        """For the bench."""
        return Choice.from_words(self.words)

    @property
    def processes(self) -> int:
        """How many."""
        return self.choice.workers

    def command(self, application: str = DJANGO, bind: str = BIND) -> list[str]:
        """The command line that serves ``module:callable``."""
        command = self.choice.command(bind, access_log=False)
        return [application if part == DJANGO else part for part in command]


def settings(size: Size) -> Iterator[Setting]:
    """One for each server and model."""
    for server, model in MODELS:
        yield setting(size, server, model)


def setting(size: Size, server: str, model: str) -> Setting:
    """How one of them gets a size."""
    words = {"SERVER": server, "CONCURRENCY": model, "WORKERS": str(size.processes)}
    if model == "adaptive":
        if size.threads <= PACELINE_OWN:
            return Setting(words, f"sends out threads as they are needed, up to {PACELINE_OWN}")
        return Setting({**words, "THREADS": str(size.threads)})
    if model in ONE_AT_A_TIME:
        return Setting(
            {**words, "WORKERS": str(size.single)}, "one request at a time in each process"
        )
    return Setting({**words, "THREADS": str(size.threads)})
