"""A running paceline for every model, transport and number of workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from paceline.transport import bridged, pipe, shared_memory, spool

from tests.contract.case import Case
from tests.contract.wire import Address, Connection

HERE = Path(__file__).parent
SERVER = HERE.parents[1] / "server"
MODELS = ("serial", "thread", "pool", "adaptive")
SHM = f"contract-{os.getpid()}"
PROBE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PATIENCE = 30.0  # seconds to start or to stop; reached only where something hangs

# Large enough for every body of the cases but those that are to be too large.
LIMIT_REQUEST_BODY = 10_000


@dataclass(frozen=True)
class Combination:
    """One way to run the server."""

    model: str
    transport: str
    workers: int

    def __str__(self) -> str:
        return f"{self.model}-{self.transport}-{self.workers}"


# One server at a time: pytest orders tests by the fixture that they share.
COMBINATIONS = [Combination(*each) for each in product(MODELS, ("tcp", "unix"), (1, 2))]
# To the models these are Unix sockets.
COMBINATIONS += [Combination("adaptive", "pipe", 1), Combination("thread", "shm", 2)]


class Server:
    """``python -m paceline`` as a process of its own."""

    def __init__(
        self, combination: Combination, directory: Path, application: str, *more: str
    ) -> None:
        self.combination = combination
        self.directory = directory
        self.log_path = directory / "server.log"
        binds: dict[str, tuple[str, Address]] = {
            "tcp": ("127.0.0.1:0", ("127.0.0.1", 0)),
            "unix": (f"unix:{directory}/s", f"{directory}/s"),
            "pipe": (f"pipe:{directory}", partial(pipe.connect, directory)),
            "shm": (f"shm:{SHM}", partial(shared_memory.connect, bridged.directory("shm", SHM))),
            "spool": (f"spool:{directory}", ""),  # is asked otherwise
        }
        bind, self.address = binds[combination.transport]
        options = [f"--bind={bind}", f"--workers={combination.workers}", "-k", combination.model]
        options += [f"--limit-request-body={LIMIT_REQUEST_BODY}", *more]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "paceline", application, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=HERE,
                # Nothing else from outside: WEB_CONCURRENCY, say, is a setting.
                env={"PYTHONPATH": str(SERVER), "PATH": os.environ.get("PATH", os.defpath)},
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def adapt(self, case: Case) -> Case:
        """What this server promises for ``case``: the serial model closes after each answer."""
        return case.closing_after_one() if self.combination.model == "serial" else case

    def wait(self) -> None:
        """Return once it answers."""
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self.process.poll() is None, f"it ended by itself:\n{self.log}"
            assert time.monotonic() < deadline, f"it does not answer:\n{self.log}"
            time.sleep(0.01)

    def _answers(self) -> bool:
        _, said, address = self.log.rpartition("listening on ")
        if not said or "\n" not in address:
            return False
        if self.combination.transport == "tcp":
            host, _, port = address.split()[0].rpartition(":")
            self.address = host, int(port)
        if self.combination.transport == "spool":
            return spool.ask(self.directory, PROBE, PATIENCE).startswith(b"HTTP/1.1 200 ")
        with Connection(self.address) as connection:
            connection.send(PROBE)
            return connection.read_answer().status == 200

    def stop(self) -> None:
        """End it as a service manager would, and look at what it leaves."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not stop within {PATIENCE:g} s:\n{self.log}") from None
        assert status == 0, f"exit status {status}:\n{self.log}"
        assert "Traceback" not in self.log, f"a request made it trip:\n{self.log}"


@pytest.fixture(scope="session", params=COMBINATIONS, ids=str)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The echo application, served; one process for all tests of a combination."""
    # The name is short since a Unix socket's path may be 107 bytes at most.
    server = Server(request.param, tmp_path_factory.mktemp("s"), "apps:echo")
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the server's log beside a failure."""
    report = yield
    server = getattr(item, "funcargs", {}).get("server")
    if report.failed and isinstance(server, Server):
        report.sections.append((f"log of {server.combination}", server.log[-4000:]))
    return report
