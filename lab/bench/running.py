"""One server for one run: started on its core, asked until it answers, and surely stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab.bench.answering import Answering
from lab.bench.process_tree import held, usage
from lab.bench.void import VoidError
from lab.bench.workloads import Workload
from lab.stack.processes import describe, die_with_parent

STOP_WITHIN = 10.0
"""Seconds."""

PASSED_ON = ("HOME", "LANG", "LC_ALL", "TMPDIR")
"""What servers get of this environment; the rest might set them up (GUNICORN_CMD_ARGS, …)."""


@dataclass(frozen=True)
class Started(Answering):
    """A process of ours, where its log goes, and the proxy's where one stands in front."""

    popen: subprocess.Popen[bytes]
    log: Path
    proxy: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its first process, which leads the session of all of them."""
        return self.popen.pid

    @property
    def proxied(self) -> bool:
        """Whether a proxy stands in front."""
        return self.proxy is not None

    def cpu(self) -> dict[str, float]:
        """CPU seconds of server and proxy, children that have ended included."""
        leaders = {"server": self.popen, **({"proxy": self.proxy} if self.proxy else {})}
        return {name: usage(leader.pid).cpu for name, leader in leaders.items()}

    def processes(self) -> frozenset[int]:
        """Those of the session."""
        return usage(self.pid).pids

    def held(self) -> dict[str, float]:
        """Memory, threads and processes of the session.  Raises OSError where one ends."""
        return held(self.pid)

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
        server = Started(workload, bind, popen, log, proxy)
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
