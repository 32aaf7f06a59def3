"""A server for each transport, asked the same in turns."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.bench.turns import interleaved
from lab.errors import LabError
from lab.stack.layout import REPO
from lab.stack.ports import free_port
from lab.stack.processes import die_with_parent
from lab.transports.clients import Client, client

TRANSPORTS = ("tcp", "unix", "pipe", "spool", "shm")
SIZES = {"100 B": 100, "64 KB": 64 << 10, "8 MB": 8 << 20}
"""Bytes of the answer's body."""
READY_WITHIN = 20.0
STOP_WITHIN = 10.0
"""Seconds."""


@dataclass
class Times:
    """Seconds of each request, for one transport and one size."""

    seconds: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        """The time within which 99 of 100 were answered; the longest, of fewer than that."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]

    @property
    def rate(self) -> float:
        """Requests a second that one client gets answered, one after the other."""
        return len(self.seconds) / sum(self.seconds)


Results = Mapping[str, Mapping[str, Times]]
"""By size, then by transport."""


def request(size: int) -> bytes:
    """What every transport carries."""
    return f"GET /?{size} HTTP/1.1\r\nHost: lab.example\r\n\r\n".encode()


def binds(folder: Path) -> dict[str, str]:
    """What ``paceline --bind`` is told, by transport."""
    return {
        "tcp": f"127.0.0.1:{free_port()}",
        "unix": f"unix:{folder / 'socket'}",
        "pipe": f"pipe:{folder / 'pipes'}",
        "spool": f"spool:{folder / 'spool'}",
        "shm": f"shm:lab-{os.getpid()}",
    }


@contextmanager
def clients(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Client]]:
    """A client of each transport, with a server of its own.  Raises LabError."""
    with ExitStack() as stack:
        every = binds(folder)
        found = {name: every[name] for name in names}
        for name, bind in found.items():
            stack.enter_context(served(bind, folder / f"{name}.log"))
        asking = {name: client(bind) for name, bind in found.items()}
        for each in asking.values():
            stack.callback(each.close)
        for name, each in asking.items():
            await_answer(name, each, folder / f"{name}.log")
        yield asking


@contextmanager
def served(bind: str, log: Path) -> Iterator[None]:
    """A paceline at this address."""
    command = [sys.executable, "-m", "paceline", "lab.transports.app:application", "--bind", bind]
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            cwd=REPO,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
            env={name: value for name, value in os.environ.items() if "PACELINE" not in name},
        )
    try:
        yield
    finally:
        server.terminate()
        try:
            server.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def await_answer(name: str, each: Client, log: Path) -> None:
    """Returns once a server answers.  Raises LabError where it does not."""
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            each.ask(request(1))
            return
        except OSError as error:
            each.close()
            if time.monotonic() > deadline:
                last = log.read_text(errors="replace").splitlines()[-1:]
                raise LabError(f"{name} does not answer: {error}; its log ends: {last}") from None
            time.sleep(0.02)


def answers(asking: Mapping[str, Client], size: int) -> dict[str, bytes]:
    """What each answers to the same request."""
    return {name: each.ask(request(size)) for name, each in asking.items()}


def without_date(answer: bytes) -> bytes:
    """An answer without the one line that tells when it was given."""
    head, end, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Date: ")]
    return b"\r\n".join(lines) + end + body


def measure(asking: Mapping[str, Client], samples: int, begins: Callable[[str], object]) -> Results:
    """Asks in shuffled turns, one size after the other, of which it tells.  Raises OSError."""
    results: dict[str, dict[str, Times]] = {}
    for label, size in SIZES.items():
        begins(label)
        times = results[label] = {name: Times() for name in asking}
        rounds, count = turns(samples, size)
        for _, _, name in interleaved(rounds, None, [label], [*asking]):
            ask = asking[name].ask
            for _ in range(count):
                began = time.perf_counter()
                ask(request(size))
                times[name].seconds.append(time.perf_counter() - began)
    return results


def turns(samples: int, size: int) -> tuple[int, int]:
    """Rounds, and requests in each; of what is large there are fewer."""
    wanted = max(5, samples * 100_000 // max(100_000, size))
    rounds = min(10, wanted)
    return rounds, wanted // rounds
