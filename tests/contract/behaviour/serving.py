"""``python -m paceline`` as a process of its own, and what a test can ask of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

from tests.contract.behaviour.client import Address, Client

HERE = Path(__file__).parent
SERVER = HERE.parents[2] / "server"
PATIENCE = 30.0  # seconds; reached only where something hangs

MODELS = ("serial", "thread", "pool", "adaptive")


@dataclass(frozen=True)
class Combination:
    """One way to run the server."""

    model: str
    transport: str = "tcp"
    workers: int = 1

    def __str__(self) -> str:
        return f"{self.model}-{self.transport}-{self.workers}"


COMBINATIONS = [Combination(*each) for each in product(MODELS, ("tcp", "unix"), (1, 2))]
OF_EACH_MODEL = [Combination(model) for model in MODELS]
# The serial model has one connection at a time, and closes each after one answer.
NOT_SERIAL = [each for each in OF_EACH_MODEL if each.model != "serial"]

_tokens = count(1)


def eventually(condition: Callable[[], object], what: str) -> None:
    """Return once ``condition`` holds; fail with ``what`` where it does not come to hold."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.005)


def target_of(link: Path) -> str:
    """Return what one of another process's descriptors is, which may close it at any moment."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return "closed meanwhile"


class Serving:
    """A running server.  Its application writes what happens to a file, and waits for others."""

    def __init__(
        self,
        combination: Combination,
        directory: Path,
        *options: str,
        binds: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        self.combination = combination
        self.directory = directory
        self.log_path = directory / "server.log"
        self._events = directory / "events"
        self._events.touch()
        if not binds:
            unix = f"unix:{directory / 's'}"
            binds = [unix if combination.transport == "unix" else "127.0.0.1:0"]
        arguments = [
            *(f"--bind={bind}" for bind in binds),
            f"--workers={combination.workers}",
            f"--worker-class={combination.model}",
            *options,
        ]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "paceline", "applications", *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=HERE,
                pass_fds=pass_fds,
                env={
                    "PYTHONPATH": str(SERVER),
                    "PATH": os.environ.get("PATH", os.defpath),
                    "STATE": str(directory),
                },
            )
        self._bound = len(binds)
        self._told_to_end = False

    def wait(self) -> None:
        """Return once all its workers serve."""

        def ready() -> bool:
            assert self.process.poll() is None, f"it ended by itself:\n{self.log}"
            return self.log.count("is ready") >= self.combination.workers

        eventually(ready, "that the server is ready")

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def addresses(self) -> list[Address]:
        """What it listens on, in the order of ``binds``."""
        found = re.findall(r"listening on (\S+)", self.log)[: self._bound]
        return [_address(each) for each in found]

    @property
    def tcp(self) -> tuple[str, int]:
        """The first address, which is no Unix socket's."""
        address = self.addresses[0]
        assert isinstance(address, tuple)
        return address

    def connect(self, number: int = 0) -> Client:
        return Client(dial(self.addresses[number]))

    @property
    def keeps_connections(self) -> bool:
        return self.combination.model != "serial"

    # --- what the application does ----------------------------------------------------------------

    def token(self) -> str:
        """A name that no other test uses on this server."""
        return f"t{next(_tokens)}"

    def happened(self, event: str) -> int:
        """How often the application said this."""
        return self._events.read_text().splitlines().count(event)

    def await_event(self, event: str, times: int = 1) -> None:
        eventually(lambda: self.happened(event) >= times, f"{event!r} {times} times\n{self.log}")

    def open_gate(self, token: str) -> None:
        """Let the application go on where it waits for this."""
        (self.directory / token).touch()

    # --- its processes ----------------------------------------------------------------------------

    @property
    def workers(self) -> list[int]:
        """The processes that serve, or did so a moment ago."""
        ready = map(int, re.findall(r"worker (\d+) is ready", self.log))
        return [pid for pid in ready if Path(f"/proc/{pid}").exists()]

    def signal(self, number: signal.Signals) -> None:
        self._told_to_end = number == signal.SIGTERM
        self.process.send_signal(number)

    def await_end(self, within: float = PATIENCE) -> int:
        """Wait for the end of the process; its exit status."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {within:g} s:\n{self.log}") from None

    def stop(self) -> None:
        """End it as a service manager would, and look at what it leaves behind."""
        try:
            if not self._told_to_end:
                self.signal(signal.SIGTERM)
            status = self.await_end()
            assert status == 0, f"exit status {status}:\n{self.log}"
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        for trouble in ("Exception in thread", "AssertionError", "garbage collected", " failed\n"):
            found = [line for line in self.log.splitlines(True) if trouble in line]
            intended = [line for line in found if "the application failed" in line]
            assert found == intended, f"{trouble}:\n{self.log}"


def _address(shown: str) -> Address:
    if shown.startswith(("unix:", "/")):
        return shown.removeprefix("unix:")
    host, _, port = shown.rpartition(":")
    return host.strip("[]"), int(port)


def dial(address: Address) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout=PATIENCE)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(address)
    return sock


@contextmanager
def serving(
    combination: Combination,
    directory: Path,
    *options: str,
    binds: Sequence[str] = (),
    pass_fds: Sequence[int] = (),
    prefix: Sequence[str] = (),
) -> Iterator[Serving]:
    """A server that is ready, and stopped at the end."""
    server = Serving(
        combination, directory, *options, binds=binds, pass_fds=pass_fds, prefix=prefix
    )
    try:
        server.wait()
        yield server
    finally:
        server.stop()
