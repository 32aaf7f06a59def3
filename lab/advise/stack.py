"""The stack that is up: one of `lab up` on this machine, or one of containers."""

from dataclasses import dataclass

from lab import typed
from lab.advise.commands import Setting
from lab.advise.served import Served, served
from lab.environment import environment
from lab.errors import LabError
from lab.serve import APPS, WordError
from lab.stack.layout import REPO, Layout
from lab.stack.running import Running, find
from lab.trace.console import Console
from lab.trace.target import Target, find_target
from lab.words import WORDS, given

OF_THE_SERVER = ("SERVER", "CONCURRENCY", "WORKERS", "THREADS")


@dataclass(frozen=True)
class Stack:
    """The stack that is up, by what is known of it; one of containers has no ``state``."""

    state: Running | None
    layout: Layout
    words: dict[str, str]
    console: Console

    @property
    def leader(self) -> int | None:
        """The server's first process, where it is on this machine."""
        return self.state.pids.get("server") if self.state else None

    @property
    def served(self) -> Served | None:
        """What it serves; None where it is not on this machine, or no Linux."""
        try:
            return served(self.leader) if self.leader else None
        except LabError:
            return None

    @property
    def application(self) -> str:
        """The application as module:callable."""
        if known := self.served:
            return known.application
        own = self.words.get("APP_WSGI")
        return own or ":".join(APPS.get(self.words["APP"], ("module", "callable")))

    def start(self, setting: Setting) -> str:
        """The command that starts the same with a setting of the server, wherever it is typed.

        It undoes what else .env and the shell say.
        """
        theirs = given(self.words)
        ours = self.state.words if self.state else theirs
        words = {**setting.words, **{n: v for n, v in ours.items() if n not in OF_THE_SERVER}}
        if words.get("TRANSPORT", "tcp") not in setting.choice.server.bind:
            del words["TRANSPORT"]
        words |= {name: "" for name in theirs if name not in words}
        if self.state:
            return typed.command("up", {**words, **self.layout.words})
        before = (typed.quoted(f"{name}={value}") for name, value in words.items())
        return " ".join([*before, "docker compose up --build"])

    def target(self, url: str) -> Target:
        """Where a URL goes, which must be to the stack.  Raises WordError."""
        target = find_target(url, None, self.state, self.layout, self.words)
        if not target.is_stack and not target.is_server:
            raise WordError(f"{url}: is not of the stack; name paths of it, such as /inspect/")
        return target


def find_stack(console: str | None) -> Stack:
    """The stack that is up, with its console or the one that is named."""
    words = {word.name: word.default for word in WORDS}
    words |= {name: value for name, value in environment({}, REPO / ".env").items() if value}
    layout = Layout.from_environ(words)
    state = find(layout)
    found = console or find_target("/", None, state, layout, words).console
    return Stack(state, layout, words, Console(found.rstrip("/")))
