"""The worker processes: started, reaped, told to end, and killed when they do not.

Mechanism only.  How many there should be, and of which configuration, the supervisor says.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from typing import NoReturn
from wsgiref.types import WSGIApplication

from paceline.balance import Board
from paceline.config import Config
from paceline.process import hooks
from paceline.process.life import Life
from paceline.process.output import flush_output
from paceline.process.signals import SignalInbox, all_blocked
from paceline.process.worker import BuildModel, Worker
from paceline.transport import Listener

ABORT_GRACE = 1.0
"""Seconds between ABRT, at which a hanging worker writes its stacks, and KILL."""

log = logging.getLogger("paceline.error")


class Crew:
    """All workers; `server` is what their hooks are given.

    `let_go` closes, in a new worker, what else is the supervisor's alone.
    """

    def __init__(
        self,
        server: object,
        inbox: SignalInbox,
        build_model: BuildModel,
        let_go: Callable[[], None],
    ) -> None:
        self._server = server
        self._let_go = let_go
        self._inbox = inbox
        self._build_model = build_model
        self._workers: dict[int, Worker] = {}
        self._age = 0
        self._board = Board()

    def __iter__(self) -> Iterator[Worker]:
        """The workers, oldest first."""
        return iter(tuple(self._workers.values()))

    def __len__(self) -> int:
        return len(self._workers)

    def start(
        self,
        config: Config,
        listeners: Mapping[str, Listener],
        application: WSGIApplication | None,
    ) -> None:
        """Fork a worker, which loads the application itself where that is None; OSError."""
        self._age += 1
        worker = Worker(self._age, config, application, self._board.place())
        hooks.attempt(config, "pre_fork", self._server, worker)
        own = [listeners[address] for address in config.bind]
        life = Life(worker, self._server, own, self._build_model, self._inbox.wake)
        flush_output()  # what is still in the buffers would be written by both
        with all_blocked() as mask:
            try:
                worker.pid = os.fork()
            except OSError:
                self._let_go_of(worker)
                raise
            if not worker.pid:
                foreign = [listeners[address] for address in listeners.keys() - set(config.bind)]
                self._become(life, foreign, mask)
        if worker.channel:
            worker.channel.ask_only()
        self._workers[worker.pid] = worker

    def _become(self, life: Life, foreign: list[Listener], mask: Iterable[int]) -> NoReturn:
        """Let go of what is the supervisor's, and live."""
        try:
            self._inbox.forget_in_child()
            life.settle_in()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._let_go()
            for sibling in self:
                sibling.close()
            # One that stayed open here, and accepted nothing, would let clients wait for ever.
            for listener in foreign:
                listener.close()
            life.run()
        finally:
            os._exit(1)  # whatever happened: never back into the supervisor's frames

    def reap(self) -> Iterator[tuple[Worker, int]]:
        """Those that have ended, with their exit status, or minus the signal they died of.

        Every child is reaped, not workers alone: as PID 1 the supervisor inherits orphans.
        """
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            worker = self._workers.pop(pid, None)
            if worker is not None:
                if os.WIFSIGNALED(status):
                    _tell_of(worker)
                yield worker, os.waitstatus_to_exitcode(status)
                self._let_go_of(worker)

    def _let_go_of(self, worker: Worker) -> None:
        """Take back what one had that is over, or never began."""
        worker.close()
        if worker.place:
            self._board.leave(worker.place)

    def end(self, workers: Iterable[Worker], signum: signal.Signals, grace: float) -> None:
        """Tell each to end, and let enforce() kill it when `grace` seconds are over."""
        kill_at = time.monotonic() + grace
        for worker in workers:
            worker.leaving = True
            worker.kill_at = min(kill_at, worker.kill_at)
            self.send(worker, signum)

    def send(self, worker: Worker, signum: signal.Signals) -> None:
        """Send a signal to one that was not reaped yet, so its number is nobody else's."""
        worker.killed = worker.killed or signum == signal.SIGKILL
        os.kill(worker.pid, signum)

    def enforce(self) -> None:
        """Abort those that hang, and kill those whose time is up."""
        now = time.monotonic()
        for worker in self:
            if worker.kill_at <= now:
                log.warning("worker %d is out of time: killed", worker.pid)
                worker.kill_at = now + ABORT_GRACE
                self.send(worker, signal.SIGKILL)
            elif worker.hangs_at <= now:
                log.critical(
                    "worker %d has made no progress for %g s: aborted",
                    worker.pid,
                    worker.cfg.timeout,
                )
                worker.aborted = True
                worker.kill_at = min(worker.kill_at, now + ABORT_GRACE)
                self.send(worker, signal.SIGABRT)

    def next_deadline(self) -> float:
        """When enforce() has something to do (``time.monotonic()``), if ever."""
        return min((min(worker.kill_at, worker.hangs_at) for worker in self), default=inf)

    def forgive_silence(self) -> None:
        """Let every worker's silence count from now."""
        for worker in self:
            worker.heartbeat.beat()


def _tell_of(worker: Worker) -> None:
    """Log what it had in hand when it last said so, since it cannot any more."""
    at, requests = worker.note.read()
    for request in requests:
        log.critical(
            "worker %d was at %s, when it last said so %.1f s ago",
            worker.pid,
            request,
            time.monotonic() - at,
        )
