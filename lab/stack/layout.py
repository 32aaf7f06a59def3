"""Where a stack keeps things."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

REPO = Path(__file__).resolve().parents[2]

ELSEWHERE = "set LAB_VAR to a folder of yours"


@dataclass(frozen=True)
class Layout:
    """The folders of one stack; two stacks at once need two of them, chosen by LAB_VAR."""

    var: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Layout":
        """LAB_VAR, relative to the working directory; else var/ of the repository."""
        chosen = environ.get("LAB_VAR")
        return cls(Path(chosen).absolute() if chosen else REPO / "var")

    @property
    def data(self) -> Path:
        """What the application keeps: database, secret key, uploads."""
        return self.var / "data"

    @property
    def static(self) -> Path:
        """Static files under hashed names, as nginx serves them."""
        return self.var / "static"

    @property
    def run(self) -> Path:
        """What lives as long as the stack: lock, state, socket, nginx's files."""
        return self.var / "run"

    @property
    def console(self) -> Path:
        """What the console keeps: the traces, and its secret key."""
        return self.var / "console"

    @property
    def telemetry(self) -> Path:
        """The sockets of the console, which collects what is told of requests."""
        return self.run / "telemetry"

    @property
    def packages(self) -> Path:
        """What pip has installed for a project of one's own."""
        return self.var / "packages"

    @property
    def bench(self) -> Path:
        """Results of the bench, which the console shows."""
        return self.var / "bench"

    @property
    def log(self) -> Path:
        """One file for each process, begun anew at each start."""
        return self.var / "log"

    @property
    def tls(self) -> Path:
        """The proxy's certificate and key."""
        return self.var / "tls"

    @property
    def words(self) -> dict[str, str]:
        """What a command has to be told to find this one."""
        return {} if self.var == REPO / "var" else {"LAB_VAR": str(self.var)}

    def make(self) -> None:
        """Makes the folders that are missing, for this user alone.

        Raises LabError where one cannot be made or written to.
        """
        kept = (self.data, self.static, self.console, self.bench, self.tls)
        for folder in (*kept, self.run, self.telemetry, self.log):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise LabError(f"{folder}: {error.strerror}; {ELSEWHERE}") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise LabError(f"{folder}: cannot be written to; {ELSEWHERE}")
