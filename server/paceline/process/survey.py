"""One round of questions: every worker is asked what it does, and its busy threads are measured.

    asked ──▶ answered, clocks read ──▶ WINDOW later: clocks read again
      └──── PATIENCE ───▶ silent

Whether a thread runs or is blocked is measured from here, by its clock in /proc: in the worker it
would take the GIL, for which a thread has to wait where others burn CPU.
"""

import logging
import select
import time
from collections.abc import Iterable
from functools import partial
from math import inf
from typing import Any

from paceline.concurrency.activity import BUSY
from paceline.process import procfs
from paceline.process.signals import SignalInbox
from paceline.process.worker import Worker

PATIENCE = 0.3
"""Seconds until a worker that has not answered counts as silent: it hangs, or is too busy."""

WINDOW = 0.05
"""Seconds between two looks at a clock: ten times as long as threads have the GIL in turn, so that
one that has to wait for it is seldom taken for blocked."""

SOME = 0.05
"""Of that time; one that runs for less is blocked."""

COUNTED = "requests", "failed", "refused", "duration", "queue_time", "since_proxy", "gil_wait"
"""What is passed on as the worker says it."""

log = logging.getLogger("paceline.error")


class Interview:
    """What one worker says in one round."""

    def __init__(self, worker: Worker, now: float) -> None:
        self.worker = worker
        self.answer: dict[str, Any] | None = None
        self.silent = False
        self.due = now + PATIENCE
        """When to go on (``time.monotonic()``); never, when it is over."""
        self._looked = 0.0
        self._busy: list[dict[str, Any]] = []
        self._clocks: dict[int, float | None] = {}

    def take(self, answer: dict[str, Any], now: float) -> None:
        """Keep an answer, and begin to measure."""
        self._busy = [thread for thread in answer["threads"] if thread["state"] == BUSY]
        self._looked, self._clocks = now, self._read_clocks()
        self.answer = answer
        self.due = now + WINDOW  # also where nobody is busy, so that not too much is asked

    def go_on(self, now: float) -> None:
        """Do what is due."""
        if self.answer is None:
            self.silent = True
        else:
            self._judge(now - self._looked)
        self.due = inf

    def _read_clocks(self) -> dict[int, float | None]:
        tids = [thread["native_id"] for thread in self._busy]
        return {tid: procfs.thread_clock(self.worker.pid, tid) for tid in tids}

    def _judge(self, passed: float) -> None:
        clocks = self._read_clocks()
        for thread in self._busy:
            before, after = (each[thread["native_id"]] for each in (self._clocks, clocks))
            # Where there is no such clock, all that is known is that it has something to do.
            ran = passed if before is None or after is None else after - before
            thread["state"] = "running" if ran >= passed * SOME else "blocked"


class Survey:
    """Asks when it is made; over when ``due`` is never."""

    def __init__(self, workers: Iterable[Worker], number: int, inbox: SignalInbox) -> None:
        self._number = number
        self._inbox = inbox
        self._interviews: dict[int, Interview] = {}
        now = time.monotonic()
        for worker in workers:
            # One that is still loading its application has nobody to answer yet.
            if worker.channel and worker.heartbeat.ready:
                self._begin(Interview(worker, now))

    @property
    def due(self) -> float:
        """When to go on (``time.monotonic()``)."""
        return min((each.due for each in self._interviews.values()), default=inf)

    def go_on(self, now: float) -> float:
        """Do what is due; ``due`` after that."""
        for interview in self._interviews.values():
            if interview.due <= now:
                interview.go_on(now)
                self._hear_no_more(interview)
        return self.due

    def forget(self, worker: Worker) -> None:
        """Ask no further; to be called before its channel is closed."""
        interview = self._interviews.pop(worker.pid, None)
        if interview:
            self._hear_no_more(interview)

    def close(self) -> None:
        """Hear nothing any more."""
        for interview in self._interviews.values():
            self._hear_no_more(interview)

    def describe(self, worker: Worker) -> dict[str, Any]:
        """Everything about one worker, with what it said itself, if it did."""
        interview = self._interviews.get(worker.pid)
        answer = (interview.answer if interview else None) or {}
        silent = interview.silent if interview else False
        cpu_seconds, memory_bytes = procfs.usage(worker.pid)
        return {
            "pid": worker.pid,
            "age": worker.age,
            "started": round(time.time() - (time.monotonic() - worker.started), 3),
            "state": "silent" if silent else _state(worker),
            "silent": silent,
            **{name: answer.get(name) for name in COUNTED},
            "connections": answer.get("connections"),
            "queue": answer.get("queue"),
            "thread_limit": answer.get("thread_limit"),
            "threads": answer.get("threads", []),
            "cpu_seconds": cpu_seconds,
            "memory_bytes": memory_bytes,
        }

    def _begin(self, interview: Interview) -> None:
        channel = interview.worker.channel
        assert channel is not None
        self._interviews[interview.worker.pid] = interview
        try:
            channel.ask(self._number)
        except OSError:  # it has not looked at hundreds of questions, or is gone
            pass
        self._inbox.attend(channel.descriptor, select.POLLIN, partial(self._hear, interview))

    def _hear(self, interview: Interview) -> None:
        channel = interview.worker.channel
        assert channel is not None
        try:
            answer = channel.receive(self._number)
            if answer is not None:
                interview.take(answer, time.monotonic())
                self._hear_no_more(interview)
        except EOFError:
            interview.due = inf  # it is ending
            self._hear_no_more(interview)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            log.error("worker %d: --stats: no answer: %r", interview.worker.pid, error)
            self._hear_no_more(interview)

    def _hear_no_more(self, interview: Interview) -> None:
        if interview.worker.channel:
            self._inbox.ignore(interview.worker.channel.descriptor)


def _state(worker: Worker) -> str:
    if worker.leaving or worker.heartbeat.leaving:
        return "leaving"
    return "ready" if worker.heartbeat.ready else "booting"
