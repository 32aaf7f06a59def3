"""Processes that belong together: each with its name before every line, all ended in order.

Every process leads a session and a process group of its own, so that Ctrl-C in a terminal reaches
the lab alone, and so that whatever a process leaves behind can be found and ended.  Where Linux
offers it (prctl(2), PR_SET_PDEATHSIG) a process also gets TERM when the lab itself is killed.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.serve import WordError

Say = Callable[[str, str], None]
"""How a line reaches a person: the name of who says it, and the line."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LAST_GRACE = 1.0
"""Seconds for a process that all others have left, say to pass on the last of their answers."""

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StopRequested(BaseException):
    """A person or a program wants the stack to end: Ctrl-C, TERM or HUP."""


@dataclass(frozen=True)
class Process:
    """A running process; ``stop_signal`` asks it to finish, within ``grace`` seconds.

    Without an essential one all others are ended too.
    """

    name: str
    popen: subprocess.Popen[bytes]
    reader: threading.Thread
    stop_signal: signal.Signals
    grace: float
    essential: bool


class Processes:
    """Starts processes, notices when one ends or a person wants to stop, ends them all.

    Use it as a context manager in the main thread, whose signal handlers it takes: leaving it ends
    every process, the last one started first.  Ctrl-C meanwhile kills what is left.
    """

    def __init__(self, log: Path, environ: Mapping[str, str], cwd: Path, say: Say) -> None:
        self._log = log
        self._environ = environ
        self._cwd = cwd
        self._say = say
        self.ending = "ending"
        """What is said once a person or a program asks them to stop."""
        self._running: list[Process] = []
        self._patient = True
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Processes":
        # The interpreter writes the number of each signal into a pipe as soon as it arrives.  A
        # handler alone would not do: it may run just before we begin to wait, and we never wake.
        self._signals, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *STOP_SIGNALS):
            # What is ignored stays ignored, as nohup and background jobs of a shell want it.
            if number == signal.SIGCHLD or signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, lambda *_: None)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is StopRequested:
            self._say("lab", self.ending)
        for process in reversed(self._running):
            self._ask(process)
        for process in reversed(self._running):
            self._finish(process)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._signals)
        os.close(self._write_end)

    @property
    def pids(self) -> dict[str, int]:
        """The pid of each process by its name."""
        return {process.name: process.popen.pid for process in self._running}

    def run(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Runs a command to its end, with variables and in a folder as ``start`` does.

        Raises WordError where it exits with 2, by which all parts of the lab say that a value
        cannot be followed; LabError where it fails otherwise; StopRequested.
        """
        process = self.start(name, command, environ=environ, cwd=cwd)
        while process.popen.poll() is None:
            self._wait(None)
        self._running.remove(process)
        self._finish(process)
        if status := process.popen.returncode:
            failure = WordError if status == 2 else LabError
            raise failure(f"{name} failed ({describe(status)})")

    def start(
        self,
        name: str,
        command: Sequence[str],
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
        essential: bool = True,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Starts a process whose lines go to the screen and to NAME.log.

        ``environ`` stands beside or in place of what all of them get, ``cwd`` in place of theirs.
        """
        popen = subprocess.Popen(
            command,
            cwd=cwd or self._cwd,
            env={**self._environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        reader = threading.Thread(target=self._read, args=(name, popen), daemon=True)
        process = Process(name, popen, reader, stop_signal, grace, essential)
        self._running.append(process)
        reader.start()
        return process

    def watch(self, timeout: float | None) -> None:
        """Waits, at most ``timeout`` seconds.

        Raises LabError as soon as an essential process has ended by itself, StopRequested at a stop
        signal.
        """
        self._wait(timeout)
        for process in tuple(self._running):
            status = process.popen.poll()
            if status is None:
                continue
            process.reader.join(1.0)  # so that its last lines stand before ours
            ended = f"{process.name} ended by itself ({describe(status)})"
            log = f"its log: {self._log / process.name}.log"
            if process.essential:
                raise LabError(f"{ended}, so the stack is taken down; {log}")
            self._running.remove(process)
            self._finish(process)
            self._say("lab", f"{ended}; the stack goes on without it; {log}")

    def _wait(self, timeout: float | None) -> None:
        if self._received(timeout).intersection(STOP_SIGNALS):
            raise StopRequested

    def _received(self, timeout: float | None) -> set[int]:
        """The signals that have come since the last call, or the first that come in time."""
        ready, _, _ = select.select([self._signals], [], [], timeout)
        return set(os.read(self._signals, 1024)) if ready else set()

    def _ask(self, process: Process) -> None:
        """Asks a process to finish and gives it time; one that needs more delays no other."""
        if process.popen.poll() is None and self._patient:
            process.popen.send_signal(process.stop_signal)
        self._await_end(process, process.grace)

    def _finish(self, process: Process) -> None:
        """Kills what is left of a process and its group, once no other needs it any more."""
        self._await_end(process, LAST_GRACE)
        if process.popen.poll() is None:
            self._say("lab", f"{process.name} still runs: killed")
        with suppress(ProcessLookupError):
            os.killpg(process.popen.pid, signal.SIGKILL)
        process.popen.wait()
        process.reader.join(1.0)

    def _await_end(self, process: Process, seconds: float) -> None:
        """Waits until a process has ended, time is up, or Ctrl-C asks to wait for nothing more."""
        deadline = time.monotonic() + seconds
        while self._patient and process.popen.poll() is None:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            self._patient = signal.SIGINT not in self._received(remaining)

    def _read(self, name: str, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdout is not None
        with popen.stdout as lines, (self._log / f"{name}.log").open("wb", buffering=0) as log:
            for line in lines:
                log.write(line)
                self._say(name, line.decode(errors="replace").rstrip("\r\n"))


def die_with_parent() -> None:
    """Asks the kernel for TERM when the parent is gone; runs between fork and exec.

    One call into a library loaded before the fork: no lock of another thread is touched.
    """
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def describe(returncode: int) -> str:
    """How a process ended, for people."""
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit status {returncode}"
