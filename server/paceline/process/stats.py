"""Live statistics: ``--stats unix:PATH`` answers HTTP with what the server does now, as JSON.

    {"version": "0.1.0", "time": 1.7e9, "started": 1.7e9, "pid": 100, "model": "adaptive",
     "settings": {"workers": 2, "threads": 0, …},
     "workers": [
        {"pid": 101, "age": 1, "started": 1.7e9, "state": "ready", "silent": false,
         "requests": 42, "failed": 0, "refused": 1, "duration": {"buckets": [40, …], "sum": 0.1},
         "queue_time": {"buckets": [42, …], "sum": 0.01},
         "since_proxy": {"buckets": [0, …], "sum": 0.0}, "gil_wait": 0.000021,
         "connections": 3, "queue": 0, "thread_limit": 64,
         "threads": [
            {"name": "rider-1", "native_id": 105, "state": "blocked",
             "request": "GET /path", "seconds": 0.25, "connection": 9}],
         "cpu_seconds": 0.31, "memory_bytes": 31457280}]}

Times are seconds since 1970; ``seconds`` is how long ago a request's bytes were ready.  A worker is
booting, ready, leaving, or silent: it does not answer.  A thread is idle, leading (it polls for
all), running or blocked; one without a request that is neither idle nor leading waits for a client
to send a request or to take an answer.  A request is told without its query.  What is not known is
null.  Buckets are those of observe/tally.py; ``/metrics`` tells the same as OpenMetrics text.

It is all done in the supervisor's loop, without a thread, which could not be forked, and without
waiting.  Those who ask while a round of questions is under way get the next, so nobody is told what
was true before it asked, and however many ask, the workers are asked about twenty times a second.
"""

import json
import logging
import select
import time
from math import inf
from typing import Any, Protocol

from paceline import __version__
from paceline.config import Config
from paceline.process import metrics
from paceline.process.asker import Asker
from paceline.process.crew import Crew
from paceline.process.signals import SignalInbox
from paceline.process.survey import Survey
from paceline.process.worker import Worker
from paceline.transport import Listener, listen

MOST = 128  # askers at once; more wait in the kernel
BACKLOG = 1024  # where it is full, a client that has a timeout is refused
RETRY = 1.0  # seconds until connections are accepted again, when the system had no descriptor left

TOLD = ("threads", "worker_connections", "max_requests", "timeout", "graceful_timeout", "keepalive")

log = logging.getLogger("paceline.error")


class Server(Protocol):
    """The supervisor, as far as it is told about."""

    cfg: Config
    pid: int
    num_workers: int


class Stats:
    """Does nothing until it is opened."""

    def __init__(self, server: Server, crew: Crew, inbox: SignalInbox) -> None:
        self._server = server
        self._crew = crew
        self._inbox = inbox
        self._started = time.time()
        self._listener: Listener | None = None
        self._accepts = False
        self._accept_at = 0.0
        self._askers: set[Asker] = set()
        self._asked: list[Asker] = []  # whom the survey under way is for
        self._survey: Survey | None = None
        self._number = 0

    # --- what the supervisor does with it -----------------------------------------------------

    def open(self, address: str | None, umask: int) -> None:
        """Answer there from now on, or nowhere; ConfigError."""
        if self._listener and self._listener.address == address:
            return
        new = listen(address, backlog=BACKLOG, umask=umask, option="--stats") if address else None
        self.close()
        self._listener = new
        if new:
            log.info("statistics at %s", new.address)

    def close(self) -> None:
        """Answer no more, and remove the socket's path."""
        self._stop_accepting()
        if self._listener:
            self._listener.close()
        self._listener = None
        for asker in self._askers:
            asker.close()
        self._askers.clear()
        if self._survey:
            self._survey.close()
        self._survey = None

    def let_go(self) -> None:
        """Close what a forked child must not hold open."""
        if self._listener:
            self._listener.close()
        for asker in self._askers:
            asker.socket.close()

    def forget(self, worker: Worker) -> None:
        """Take note that a worker has ended."""
        if self._survey:
            self._survey.forget(worker)

    def next_deadline(self) -> float:
        """When catch_up() has something to do (``time.monotonic()``), if ever."""
        due = min((asker.deadline for asker in self._askers), default=inf)
        if self._survey:
            due = min(due, self._survey.due)
        if self._listener and not self._accepts and len(self._askers) < MOST:
            due = min(due, self._accept_at)
        return due

    def catch_up(self) -> None:
        """Do what can be done by now.  Never blocks."""
        now = time.monotonic()
        for asker in self._askers:
            if asker.deadline <= now:
                asker.close()
        self._askers = {asker for asker in self._askers if not asker.closed}
        self._begin_survey()
        while self._survey and self._survey.go_on(now) == inf:
            self._tell(self._survey)
            self._begin_survey()
        if self._listener and not self._accepts:
            self._start_accepting(now)

    # --- connections --------------------------------------------------------------------------

    def _start_accepting(self, now: float) -> None:
        if self._listener and len(self._askers) < MOST and now >= self._accept_at:
            self._inbox.attend(self._listener.socket.fileno(), select.POLLIN, self._accept)
            self._accepts = True

    def _stop_accepting(self) -> None:
        if self._listener and self._accepts:
            self._inbox.ignore(self._listener.socket.fileno())
        self._accepts = False

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            self._askers.add(Asker(self._listener.accept().socket, self._inbox))
        except BlockingIOError:
            return
        except OSError:
            self._accept_at = time.monotonic() + RETRY
            self._stop_accepting()
        if len(self._askers) >= MOST:
            self._stop_accepting()

    # --- questions and answers ----------------------------------------------------------------

    def _begin_survey(self) -> None:
        asked = [asker for asker in self._askers if asker.waits]
        if asked and not self._survey:
            self._asked = asked
            self._number += 1
            self._survey = Survey(self._crew, self._number, self._inbox)

    def _tell(self, survey: Survey) -> None:
        told = self._about() | {"workers": [survey.describe(worker) for worker in self._crew]}
        for asker in self._asked:
            if asker.wants_metrics:
                asker.answer("200 OK", metrics.CONTENT_TYPE, metrics.text(told))
            else:
                asker.answer("200 OK", "application/json", json.dumps(told).encode() + b"\n")
        self._asked = []
        survey.close()
        self._survey = None

    def _about(self) -> dict[str, Any]:
        config = self._server.cfg
        settings = {"workers": self._server.num_workers}
        return {
            "version": __version__,
            "time": round(time.time(), 3),
            "started": round(self._started, 3),
            "pid": self._server.pid,
            "model": config.worker_class,
            "settings": settings | {name: getattr(config, name) for name in TOLD},
        }
