"""One server for one run: started on its core, asked until it answers, and surely stopped."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.bench.limit import limited
from lab.bench.process_tree import Usage, usage
from lab.bench.void import VoidError
from lab.bench.workloads import Workload
from lab.stack import answers
from lab.stack.processes import describe, die_with_parent

READY_WITHIN = 30.0
STOP_WITHIN = 10.0
LAST_BREATH = 0.5  # from a connection that broke until the process is known to have ended
"""Seconds."""

NOBODY_THERE = (502, 504)
"""What nginx answers where the server behind it does not."""

PASSED_ON = ("HOME", "LANG", "LC_ALL", "TMPDIR")
"""What servers get of this environment; the rest might set them up (GUNICORN_CMD_ARGS, …)."""


@dataclass(frozen=True)
class Started:
    """A server that runs, what it is asked and at which address, and where its log goes.

    Where ``proxy`` stands in front, the address is that of the proxy.
    """

    popen: subprocess.Popen[bytes]
    workload: Workload
    bind: str
    log: Path
    proxy: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its first process, which leads the session of all of them."""
        return self.popen.pid

    @property
    def host(self) -> str:
        """What requests say in Host."""
        return "localhost" if self.bind.startswith("unix:") else self.bind

    def cpu(self) -> dict[str, float]:
        """CPU seconds that each group of processes has used so far."""
        leaders = {"server": self.popen, **({"proxy": self.proxy} if self.proxy else {})}
        return {name: usage(leader.pid).cpu for name, leader in leaders.items()}

    def await_ready(self) -> None:
        """Blocks until it answers anything at all.  Raises VoidError where it does not."""
        deadline = time.monotonic() + READY_WITHIN
        while not self._answers():
            self.require_alive()
            if time.monotonic() > deadline:
                raise VoidError(f"it did not answer within {READY_WITHIN:g} s{self.last_words()}")
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

    def require_same(self, before: Usage) -> Usage:
        """What it has used since the start.  Raises VoidError where a process came or went."""
        self.require_alive()
        now = usage(self.pid)
        if now.pids != before.pids:
            raise VoidError(f"its processes changed while it was measured{self.last_words()}")
        return now

    def require_alive(self, within: float = 0) -> None:
        """Raises VoidError, with the end of its log, where it has ended or does within seconds."""
        if self.proxy and self.proxy.poll() is not None:
            raise VoidError(f"nginx ended by itself ({describe(self.proxy.returncode)})")
        with suppress(subprocess.TimeoutExpired):
            status = self.popen.wait(within)
            raise VoidError(f"it ended by itself ({describe(status)}){self.last_words()}")

    def last_words(self) -> str:
        """The last line of its log, ready to stand behind a reason."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return f"; its last line: {lines[-1]}" if lines else ""

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
        return self.proxy is None or status not in NOBODY_THERE


def environment(data: Path) -> dict[str, str]:
    """The environment of servers: programs beside this Python first, data in a folder of ours."""
    beside = str(Path(sys.executable).parent)
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        "PATH": os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]),
        "DATA_DIR": str(data / "data"),
        "STATIC_ROOT": str(data / "static"),
    }


@contextmanager
def started(
    command: Sequence[str],
    workload: Workload,
    environ: Mapping[str, str],
    bind: str,
    log: Path,
    proxy: subprocess.Popen[bytes] | None = None,
) -> Iterator[Started]:
    """A server that answers at ``bind`` already, its own address or the proxy's; then stopped."""
    popen = launch(command, log, workload.folder, environ)
    try:
        server = Started(popen, workload, bind, log, proxy)
        with limited(READY_WITHIN + answers.TIMEOUT):  # an answer may begin and never end
            server.await_ready()
        yield server
    finally:
        stop(popen)


def launch(
    command: Sequence[str],
    log: Path,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A process in a session of its own, which says what it says into a file.  For ``stop``."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def stop(popen: subprocess.Popen[bytes]) -> None:
    """Asks a server to end, waits, and kills whatever is left of its session."""
    try:
        popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            popen.wait(STOP_WITHIN)
    finally:
        for pid in usage(popen.pid).pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        popen.wait()
