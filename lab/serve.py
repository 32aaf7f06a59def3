"""Starts one server in front of one application: ``python -m lab.serve``.

The words SERVER, APP, WORKERS, THREADS, CONCURRENCY, LAB_TRACE and BIND are read from the
environment, checked against servers.toml, and become a command line that takes this process's place
(exec) with webapp/ as its working directory.  Containers and local processes start servers by this
one file, so it uses nothing but the standard library and the table beside it.

With APP_PATH and APP_WSGI it is a project of one's own that is served, from its own folder;
LAB_PACKAGES is the folder of what that requires, before the packages of this Python.

Where LAB_TELEMETRY names a folder, what becomes of each request is recorded for whoever listens
there (lab/tracing), and a server that can is told to say there what it does.

A word that is unknown, or that means nothing to the chosen server, is refused in one line; exit 2.
"""

import os
import re
import shlex
import shutil
import socket
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("servers.toml")
WEBAPP = Path(__file__).resolve().parent.parent / "webapp"

LONGEST = 100  # bytes of a socket's path: what every system has room for
NEW = 60  # seconds of a socket's age

APPS = {"django": ("config.wsgi", "application"), "tiny": ("tiny.app", "application")}

TRACES = ("all", "sampled", "off")
TRACED = ("lab.tracing.application", "application")
"""Loads the application that LAB_WSGI names, and records what it does."""

NUMBER = re.compile(r"0*[1-9][0-9]*")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
UNKNOWN = "unknown; choose one of {}"
AS_IN = "write module:callable, as in shop.wsgi:application"

OURS = ("DATABASE_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SECURE_COOKIES")
"""Words for the application.  Others than ours may take an empty one for a value."""


class WordError(Exception):
    """A word has a value that cannot be followed; the message is one line that says what to do."""


@dataclass(frozen=True)
class Project:
    """A WSGI project of one's own: its folder, and what a server is to load of it."""

    folder: Path
    module: str
    function: str

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> "Project | None":
        """The project of APP_PATH; None where it is empty.  Raises WordError."""
        path, wsgi = words.get("APP_PATH", ""), words.get("APP_WSGI", "")
        if not path:
            if wsgi:
                raise WordError(f"APP_WSGI={wsgi}: of which project? Name its folder by APP_PATH")
            return None
        folder = Path(path).absolute()
        if not folder.is_dir():
            raise WordError(f"APP_PATH={path}: there is no such folder")
        if not os.access(folder, os.R_OK | os.X_OK):
            raise WordError(f"APP_PATH={path}: user {os.geteuid()} of this system cannot read it")
        if not wsgi:
            raise WordError(f"APP_PATH={path}: what of it is served? By APP_WSGI (--wsgi) {AS_IN}")
        if not MODULE.fullmatch(wsgi):
            raise WordError(f"APP_WSGI={wsgi}: {AS_IN}")
        if any((each / name).exists() for each in places(folder) for name in ("lab", "lab.py")):
            raise WordError(f"APP_PATH={path}: has a module `lab`, which would hide the lab's own")
        module, _, function = wsgi.partition(":")
        return cls(folder, module, function)

    def __str__(self) -> str:
        return f"{self.module}:{self.function} of {self.folder}"


def places(folder: Path) -> list[Path]:
    """Where a project's modules are: in its folder, and in its src/ if it has one."""
    return [each for each in (folder, folder / "src") if each.is_dir()]


@dataclass(frozen=True)
class Concurrency:
    """One concurrency word of one server; ``threads`` is None where it has no number of them."""

    name: str
    summary: str
    arguments: Sequence[str]
    threads: Sequence[str] | None = None
    recommended_threads: int | None = None


@dataclass(frozen=True)
class Recommendation:
    """What a server's documentation advises, where, and the arguments that follow it."""

    says: str
    source: str
    arguments: Sequence[str] = ()
    where: str = "/"


@dataclass(frozen=True)
class Server:
    """One entry of servers.toml, whose head explains each field."""

    name: str
    summary: str
    documentation: str
    command: Sequence[str]
    bind: Mapping[str, Sequence[str]]
    default: str
    concurrency: Mapping[str, Concurrency]
    last: Sequence[str] = ()
    access_log: Sequence[str] = ()
    traced: Sequence[str] = ()
    stats: Sequence[str] = ()
    workers: Sequence[str] | None = None
    install: str | None = None
    requires: Sequence[str] = ()
    build_packages: Sequence[str] = ()
    packages: Sequence[str] = ()
    from_packages: bool = False
    probe: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cannot: Sequence[str] = ()
    recommended: Sequence[Recommendation] = field(default=())

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> "Server":
        """One entry as tomllib reads it; a key that is not known raises TypeError."""
        nested = {
            "concurrency": {
                word: Concurrency(word, **entry) for word, entry in table["concurrency"].items()
            },
            "recommended": tuple(Recommendation(**entry) for entry in table.get("recommended", ())),
        }
        return cls(name, **{**table, **nested})

    @property
    def is_installed(self) -> bool:
        """Whether it can be started here, as far as its program or what it loads tells."""
        loads = not self.probe or any(
            os.path.exists(name) if name.startswith("/") else find_spec(name) for name in self.probe
        )
        return loads and find_program(self.command[0]) is not None

    @property
    def missing(self) -> str:
        """What to say where its program is not there."""
        steps = [f"apt-get install {' '.join(self.build_packages)}"] if self.build_packages else []
        pip = f"{shlex.quote(sys.executable)} -m pip"  # that of no other Python on PATH
        steps += [f"{pip} install --require-hashes -r {self.install}"] if self.install else []
        program = self.name if self.probe else self.command[0]
        return f"{program} is not installed here: {'; then '.join(steps)}".rstrip(": ")


@cache
def read_servers(path: Path = TABLE) -> Mapping[str, Server]:
    """Every server of the table by its name, in the table's order; the file is read once."""
    with path.open("rb") as file:
        return {name: Server.from_table(name, table) for name, table in tomllib.load(file).items()}


@dataclass(frozen=True)
class Choice:
    """What the words ask for: a server, an application, how they run; checked to fit together."""

    server: Server
    concurrency: Concurrency
    app: str
    workers: int
    threads: int | None
    project: Project | None = None

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> "Choice":
        """Reads the words; an empty one counts as not given.  Raises WordError."""
        servers = read_servers()
        server = servers[one_of("SERVER", words, servers, "paceline")]
        models = server.concurrency
        unknown = f"unknown to {server.name}; choose one of {{}}"
        model = models[one_of("CONCURRENCY", words, models, server.default, unknown)]
        app = one_of("APP", words, APPS, "django", f"{UNKNOWN}, or by APP_PATH an existing folder")
        project = Project.from_words(words)
        workers = whole_number("WORKERS", words) or 1
        threads = whole_number("THREADS", words)
        if workers > 1 and server.workers is None:
            raise WordError(f"WORKERS={workers}: {server.name} runs as one process; leave it empty")
        if threads and model.threads is None:
            able = [f"CONCURRENCY={m.name}" for m in models.values() if m.threads]
            raise WordError(
                f"THREADS={threads}: means nothing to {server.name} with CONCURRENCY={model.name}; "
                + " or ".join(["leave it empty", *able])
            )
        return cls(server, model, app, workers, threads or model.recommended_threads, project)

    @property
    def wsgi(self) -> tuple[str, str]:
        """The module and the callable that are served."""
        return (self.project.module, self.project.function) if self.project else APPS[self.app]

    @property
    def folder(self) -> Path:
        """Where the server is started."""
        return self.project.folder if self.project else WEBAPP

    def command(self, bind: str, *, access_log: bool = True, traced: bool = False) -> list[str]:
        """The command line that listens on ``bind``, as parse_bind reads it.  Raises WordError."""
        kind, address = parse_bind(bind)
        if kind not in self.server.bind:
            raise WordError(f"TRANSPORT={kind}: {self.server.name} cannot listen there; use tcp")
        module, function = TRACED if traced else self.wsgi
        values = {**address, "module": module, "callable": function}
        values |= {"workers": str(self.workers), "threads": str(self.threads)}
        parts = [*self.server.command, *self.server.bind[kind], *(self.server.workers or ())]
        parts += self.concurrency.arguments
        parts += (self.concurrency.threads or ()) if self.threads else ()
        for advice in self.server.recommended:
            parts += advice.arguments if Path(advice.where).exists() else ()
        parts += self.server.traced if traced else ()
        parts += self.server.access_log if access_log else ()
        parts += self.server.last
        return [part.format(**values) for part in parts]

    def environment(self, *folders: Path | str) -> dict[str, str]:
        """Variables to start it with, for an application in folders: not all look there first."""
        path = filter(None, [*map(str, folders), os.environ.get("PYTHONPATH")])
        return {**self.server.environment, "PYTHONPATH": os.pathsep.join(path)}

    def stats(self, telemetry: str) -> list[str]:
        """What has the server tell what it does in that folder; nothing where one of both cannot.

        Several containers share the folder, so the socket is named for the host.
        """
        if not self.server.stats or not os.path.isdir(telemetry):
            return []
        folder, host = os.path.abspath(telemetry), socket.gethostname()
        while host and len(os.fsencode(path := f"{folder}/stats-{host}.sock")) > LONGEST:
            host = host[:-1]
        return [part.format(stats=path) for part in self.server.stats] if host else []


def forget_killed(telemetry: str) -> None:
    """Removes the sockets of servers that were killed: to anyone else the folder may be sticky.

    One that is new may be about to listen.
    """
    for path in Path(telemetry).glob("stats-*.sock"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            old = time.time() - path.stat().st_mtime > NEW
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                if old:
                    path.unlink()


def parse_bind(bind: str) -> tuple[str, dict[str, str]]:
    """The transport of an address, tcp, unix or uwsgi, and its parts.  Raises WordError."""
    if bind.startswith("unix:/"):
        return "unix", {"path": bind.removeprefix("unix:")}
    host, colon, port = bind.removeprefix("uwsgi:").rpartition(":")
    if colon and host and is_port(port):
        kind = "uwsgi" if bind.startswith("uwsgi:") else "tcp"
        return kind, {"host": host, "port": port}
    raise WordError(f"BIND={bind}: is no address; write HOST:PORT or unix:/absolute/path")


def is_port(text: str) -> bool:
    """Whether a text is the number of a port."""
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536


def one_of(
    word: str, words: Mapping[str, str], known: Iterable[str], default: str, says: str = UNKNOWN
) -> str:
    """The value of ``word``, or the default where it is empty.  Raises WordError."""
    value = words.get(word) or default
    if value not in known:
        raise WordError(f"{word}={value}: {says.format(', '.join(known))}")
    return value


def whole_number(word: str, words: Mapping[str, str]) -> int | None:
    """The value of ``word``, 1 or more; None where it is empty.  Raises WordError."""
    value = words.get(word, "")
    if value and not NUMBER.fullmatch(value):
        raise WordError(f"{word}={value}: must be a whole number, 1 or more")
    return int(value) if value else None


def find_program(name: str) -> str | None:
    """The path of a program: beside this Python first, so that a virtual environment wins."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]))


def enter(choice: Choice) -> None:
    """Makes this process one in which the chosen application can be loaded."""
    if choice.project:
        for name in (each for each in OURS if os.environ.get(each) == ""):
            del os.environ[name]
    packages = os.environ.get("LAB_PACKAGES", "") if choice.project else ""
    os.environ["LAB_WSGI"] = ":".join(choice.wsgi)
    os.environ.update(choice.environment(*places(choice.folder), packages))
    os.chdir(choice.folder)


def main() -> None:
    """Becomes the chosen server; returns never, exits with 2 where a word cannot be followed."""
    try:
        choice = Choice.from_words(os.environ)
        telemetry = os.environ.get("LAB_TELEMETRY", "")
        # Without that folder nobody would take what is recorded.
        traced = one_of("LAB_TRACE", os.environ, TRACES, "all") != "off" and bool(telemetry)
        command = choice.command(os.environ.get("BIND") or "127.0.0.1:8000", traced=traced)
        command += choice.stats(telemetry)
        program = find_program(command[0])
        if program is None or not choice.server.is_installed:
            raise WordError(f"SERVER={choice.server.name}: {choice.server.missing}")
    except WordError as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(2)
    if telemetry:
        forget_killed(telemetry)
    print("lab: starting", shlex.join(command), file=sys.stderr, flush=True)
    os.environ["LAB_SERVER"] = choice.server.name
    enter(choice)
    os.execv(program, [program, *command[1:]])  # by its path a Python knows its environment


if __name__ == "__main__":
    main()
