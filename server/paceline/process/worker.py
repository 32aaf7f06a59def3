"""A worker as its supervisor knows it, and what a worker is made of."""

import logging
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from paceline.balance import Place
from paceline.concurrency.activity import Activity
from paceline.config import Config
from paceline.process.channel import Channel
from paceline.process.heartbeat import Heartbeat
from paceline.process.note import Note
from paceline.transport import Listener

BEAT = 1.0
"""Seconds between two beats at the most, while there is progress: the last progress may be as
much younger than the last beat."""


class Model(Protocol):
    """A concurrency model, as far as a process cares."""

    stopping: bool
    """From stop() on, whoever called that."""
    tired: bool
    """It has served as much as it is to, and goes on until another does in its place."""

    def run(self) -> object:
        """Serve in the main thread until stopped and drained; SystemExit passes through it."""

    def stop(self) -> object:
        """Take no more and finish what is in flight; callable in a signal handler, and twice."""

    def counted(self) -> dict[str, Any]:
        """What became of its requests, where they are counted."""

    def activity(self) -> Activity:
        """What its threads do now; any thread may ask."""


BuildModel = Callable[
    [Config, Sequence[Listener], WSGIApplication, Callable[[], None], "Worker"], Model
]
"""(config, listeners, application, heartbeat, worker for hooks) → what serves them."""


class Worker:
    """One worker process.  Hooks are given it; age, cfg, log, pid and wsgi are gunicorn's names."""

    log = logging.getLogger("paceline.error")

    def __init__(
        self,
        age: int,
        config: Config,
        application: WSGIApplication | None,
        place: Place | None = None,
    ) -> None:
        self.age = age
        """Workers are numbered from 1 in the order of their start."""
        self.cfg = config
        self.pid = 0
        self.wsgi = application
        """The application once it is loaded; a post_worker_init hook may put it in another."""
        self.place = place
        """Where it tells its siblings how many connections it has."""
        self.heartbeat = Heartbeat()
        self.note = Note()
        self.channel = Channel() if config.stats else None
        self.started = time.monotonic()
        self.leaving = False
        """It has been told to end; another is started in its place, if there is to be one."""
        self.aborted = False
        """It hung, and is being killed."""
        self.killed = False
        """Its supervisor has sent it SIGKILL."""
        self.kill_at = inf
        """Its last moment (``time.monotonic()``), once it has been told to end."""

    @property
    def hangs_at(self) -> float:
        """When its silence will be too long (``time.monotonic()``)."""
        if self.aborted or not self.cfg.timeout:
            return inf
        return self.heartbeat.last + BEAT + self.cfg.timeout

    def close(self) -> None:
        """Let go of what it shares with its supervisor: it is over, or this is its sibling."""
        self.heartbeat.close()
        self.note.close()
        if self.channel:
            self.channel.close()

    def __repr__(self) -> str:
        return f"<worker {self.pid}>"
