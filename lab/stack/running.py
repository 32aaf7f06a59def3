"""What is known of a stack that runs.

A lock on var/run/lock is held for as long as the stack lives, and ends with it however it ends; the
file beside it says the rest.  A pid alone would not do: another process may have it by now.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab import typed
from lab.errors import LabError
from lab.serve import parse_bind
from lab.stack.layout import Layout
from lab.words import Words

PASSWORD = re.compile(r"(?<=://)([^/?#\s:@]*):[^/?#\s]*@")
"""In the URL of a database, with the user before it."""


@dataclass(frozen=True)
class Running:
    """A stack: the lab's own pid, what runs, where it answers, and the pids of its processes."""

    pid: int
    what: str
    http_port: int
    https_port: int
    bind: str
    pids: dict[str, int] = field(default_factory=dict)
    ready: bool = False
    console_port: int = 8081
    is_own: bool = False
    """Whether it serves a project of one's own."""
    words: dict[str, str] = field(default_factory=dict)
    """Those that are not at their default, a password in them as ***."""

    @classmethod
    def starting(cls, words: Words, bind: str) -> "Running":
        """A stack of this process that does not answer yet."""
        choice = words.choice
        threads = f", {choice.threads} threads" if choice.threads else ""
        what = (
            f"{choice.server.name} ({choice.concurrency.name}, workers: {choice.workers}{threads})"
            f" with {choice.project or choice.app}"
        )
        return cls(
            os.getpid(),
            what,
            words.http_port,
            words.https_port,
            bind,
            console_port=words.console_port,
            is_own=choice.project is not None,
            words={name: PASSWORD.sub(r"\1:***@", said) for name, said in words.given.items()},
        )

    @property
    def addresses(self) -> list[tuple[str, str]]:
        """Where it answers, and what answers there."""
        kind, address = parse_bind(self.bind)
        if kind == "unix":
            direct = f"curl --unix-socket {address['path']} http://localhost/"
        else:
            direct = self.bind if kind == "uwsgi" else f"http://{self.bind}/"
        less = "" if self.is_own else " (no static files)"
        console = f"http://localhost:{self.console_port}/"
        return [
            (f"http://localhost:{self.http_port}/", "through the proxy"),
            (f"https://localhost:{self.https_port}/", "the same over TLS and HTTP/2"),
            (direct, f"the server itself, without the proxy{less}"),
            *([(console, "the console: traces, bench, …")] if "console" in self.pids else []),
        ]

    def save(self, layout: Layout) -> None:
        """Writes it where the other commands look, whole at once."""
        draft = layout.run / "stack.new"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(layout.run / "stack.json")


@contextmanager
def hold(layout: Layout) -> Iterator[None]:
    """Makes this process the one stack of a layout.  Raises LabError where another is."""
    with _lock_file(layout) as lock:
        # Whoever only asks whether it is free has it for a moment.
        if not _take(lock, patience=0.2):
            found = read(layout)
            by = f": {found.what} on port {found.http_port} (pid {found.pid})" if found else ""
            raise LabError(
                f"a stack is up already{by}\n{typed.how_to_stop(layout.words)}; "
                "for a second one beside it set LAB_VAR to another folder, and HTTP_PORT, "
                "HTTPS_PORT and CONSOLE_PORT"
            )
        try:
            yield
        finally:
            (layout.run / "stack.json").unlink(missing_ok=True)


def is_up(layout: Layout) -> bool:
    """Whether a stack lives in a layout, ready or not."""
    if not layout.run.exists():
        return False
    with _lock_file(layout) as lock:
        return not _take(lock)


def read(layout: Layout) -> Running | None:
    """What the stack of a layout has said of itself so far; None where none has."""
    try:
        return Running(**json.loads((layout.run / "stack.json").read_text()))
    except FileNotFoundError:
        return None


def find(layout: Layout) -> Running | None:
    """The stack that lives in a layout; one that has only just begun is waited for."""
    while is_up(layout):
        if state := read(layout):
            return state
        time.sleep(0.05)
    return None


@contextmanager
def _lock_file(layout: Layout) -> Iterator[int]:
    path: Path = layout.run / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(lock: int, patience: float = 0.0) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        else:
            return True
