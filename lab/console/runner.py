"""Runs the bench for a person who asked for it by a form: one at a time, as a process of its own.

It is started by a thread that was there before the worker made itself less urgent (work.py), since
on Linux each thread has a niceness of its own and what it starts inherits it.  The same thread
stays as long as the process: what is to end with its parent ends with that thread.
"""

import os
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue

from lab.stack.layout import REPO
from lab.stack.processes import describe, die_with_parent

KEPT = 500
"""Lines of what it says that are kept."""

GRACE = 8.0
"""Seconds that it has to end its server and to write what it found."""


@dataclass(frozen=True)
class Job:
    """A command, under the name that people know it by."""

    name: str
    command: Sequence[str]
    against: str = ""
    """The name of the result that it is compared with; empty for none."""
    contained: bool = False
    """Whether it has containers to remove before it ends: then it is asked to end, never killed."""


@dataclass(frozen=True)
class State:
    """What the last job does, or how it ended."""

    job: Job | None = None
    lines: tuple[str, ...] = ()
    running: bool = False
    ended: str = ""
    """How; empty while it runs, and where it came to its end by itself."""


class Runner:
    """One for each process; ``start()`` it there, after the fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._thread: threading.Thread | None = None
        self._popen: subprocess.Popen[str] | None = None
        self._state = State()
        self._stopping = False

    def start(self) -> None:
        """Starts its thread."""
        self._thread = threading.Thread(target=self._run, name="bench", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends what runs, and waits for that; what is late with its containers goes on alone."""
        if self._thread:
            self._jobs.put(None)
            self.stop()
            self._thread.join(GRACE)
            job = self._state.job
            if self._popen and self._thread.is_alive() and not (job and job.contained):
                self._popen.kill()

    def begin(self, job: Job) -> bool:
        """Starts a job, or does not where one runs: then it is False."""
        with self._lock:
            if self._state.running or self._thread is None:
                return False
            self._lines.clear()
            self._stopping = False
            self._state = State(job, running=True)
        self._jobs.put(job)
        return True

    def stop(self) -> None:
        """Asks what runs to end; it keeps what it found so far."""
        with self._lock:
            self._stopping = True
            if self._popen:
                self._popen.terminate()

    def state(self) -> State:
        """As it is now."""
        with self._lock:
            state = self._state
            return State(state.job, tuple(self._lines), state.running, state.ended)

    def _is_stopping(self) -> bool:
        return self._stopping

    def _run(self) -> None:
        while job := self._jobs.get():
            ended = self._do(job)
            with self._lock:
                self._popen = None
                self._state = State(job, ended=ended)

    def _do(self, job: Job) -> str:
        """Runs a job to its end; how that was, where it was not as it should."""
        with self._lock:
            if self._is_stopping():
                return "stopped before it began"
            try:
                popen = self._popen = started(job.command)
            except OSError as error:
                return f"could not be started: {error.strerror}"
        assert popen.stdout is not None
        with popen.stdout, suppress(ValueError):
            for line in popen.stdout:
                with self._lock:
                    self._lines.append(line.rstrip("\n"))
        status = popen.wait()
        if self._is_stopping():
            return "stopped; what was done is kept"
        return f"ended with {describe(status)}" if status else ""


def started(command: Sequence[str]) -> subprocess.Popen[str]:
    """A process of the repository, in a session of its own.  Raises OSError."""
    return subprocess.Popen(
        command,
        cwd=REPO,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


RUNNER = Runner()
"""Of this process, which is the console's only one."""
