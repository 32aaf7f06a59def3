"""A server that runs for one run, whatever it runs in: what is asked of it, what is read of it."""

import http.client
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from lab.bench.limit import limited
from lab.bench.void import VoidError
from lab.bench.workloads import Workload
from lab.stack import answers

READY_WITHIN = 30.0
LAST_BREATH = 0.5  # from a connection that broke until the process is known to have ended
"""Seconds."""


@dataclass(frozen=True)
class Answering(ABC):
    """A server, what it is asked, and at which address: its own, or that of a proxy in front."""

    workload: Workload
    bind: str

    @property
    @abstractmethod
    def proxied(self) -> bool:
        """Whether the address is a proxy's."""

    @abstractmethod
    def cpu(self) -> dict[str, float]:
        """CPU seconds that each group of processes, server and proxy, has used so far."""

    @abstractmethod
    def processes(self) -> frozenset[int]:
        """The pids of the server's processes that are alive."""

    @abstractmethod
    def held(self) -> Mapping[str, float]:
        """What they hold now, under the names that results have.  Raises OSError."""

    @abstractmethod
    def require_alive(self, within: float = 0) -> None:
        """Raises VoidError, with the end of its log, where it has ended or does within seconds."""

    @abstractmethod
    def last_words(self) -> str:
        """The last line of its log, ready to stand behind a reason."""

    @property
    def host(self) -> str:
        """What requests say in Host."""
        return "localhost" if self.bind.startswith("unix:") else self.bind

    def await_ready(self) -> None:
        """Blocks until it answers anything at all.  Raises VoidError where it does not."""
        deadline = time.monotonic() + READY_WITHIN
        with limited(READY_WITHIN + answers.TIMEOUT):  # an answer may begin and never end
            while not self._answers():
                self.require_alive()
                if time.monotonic() > deadline:
                    late = f"it did not answer within {READY_WITHIN:g} s"
                    raise VoidError(f"{late}{self.last_words()}")
                time.sleep(0.02)

    def check(self) -> bytes:
        """Asks once and returns the body.  Raises VoidError unless the answer is as it must be."""
        path = self.workload.path
        try:
            status, body = self.ask()
        except (OSError, http.client.HTTPException) as error:
            self.require_alive(LAST_BREATH)
            raise VoidError(f"no answer: {error or type(error).__name__}") from None
        if status != 200:
            raise VoidError(f"{path} answered {status}, not 200{self.last_words()}")
        if not self.workload.accepts(body):
            raise VoidError(f"{path} answered something else: {body[:60]!r}")
        return body

    def require_same(self, before: frozenset[int]) -> None:
        """Raises VoidError where one of its processes came or went."""
        self.require_alive()
        if self.processes() != before:
            raise VoidError(f"its processes changed while it was measured{self.last_words()}")

    def ask(self) -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own.

        Raises OSError and http.client.HTTPException.
        """
        connection = answers.to_bind(self.bind)
        try:
            workload = self.workload
            body = b"x" * workload.upload or None
            connection.request(workload.method, workload.path, body, workload.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            status, _ = self.ask()
        except (OSError, http.client.HTTPException):
            return False
        return not self.proxied or status not in answers.NOBODY


@dataclass(frozen=True)
class Arranged:
    """A server that is not started yet: what does it, and the command lines that would."""

    commands: Sequence[str]
    started: AbstractContextManager[Answering]
