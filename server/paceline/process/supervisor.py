"""The supervisor: one process that serves nothing and keeps the workers that do.

It holds the listening sockets, so no connection is lost when workers come and go, and it
does not load the application (unless told to, --preload), so new workers have new code.

Everything is done in one loop, in this order: wait for a signal or the next deadline, reap
the dead, bring the workers to their number, deal with those that are out of time.

A generation is the workers that share one Config object.  A reload begins a new one
beside the old one.  When all of the new are ready, the old are told to end; if one of the
new cannot start, the new are, and everything is as before.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf
from wsgiref.types import WSGIApplication

from paceline.application import load_application
from paceline.config import Config
from paceline.errors import ApplicationLoadError, ConfigError
from paceline.observe import reopen_logs, setup_logs
from paceline.process import hooks, privileges
from paceline.process.backoff import SHORT_LIFE, Backoff
from paceline.process.crew import Crew
from paceline.process.endings import Endings
from paceline.process.life import BOOT_FAILED, explain
from paceline.process.notify import ServiceManager
from paceline.process.pidfile import PidFile
from paceline.process.signals import SignalInbox
from paceline.process.sockets import Sockets
from paceline.process.stats import Stats
from paceline.process.upgrade import Handover
from paceline.process.worker import BuildModel, Worker

LAST_WORDS = 0.5
"""Seconds past the graceful timeout, in which a worker that gave up can run its exit hooks."""

QUICK_STOP = 2.0
"""Seconds for exit hooks when everything is to stop at once."""

GLANCE = 0.5
"""Seconds between two looks at whether the process that this one follows has ended."""

LATE = 0.1
"""Seconds past a deadline at which the supervisor has certainly woken, if it can run at all."""

log = logging.getLogger("paceline.error")


class Supervisor:
    """Runs once.  Hooks are given it; cfg, log, num_workers and pid are gunicorn's names."""

    log = log

    def __init__(self, config: Config, build_model: BuildModel) -> None:
        self.cfg = config
        self.pid = os.getpid()
        self.num_workers = 0
        self._before: tuple[Config, int] | None = None
        """What to go back to, and its number of workers, until a reload is complete."""
        self._application: WSGIApplication | None = None
        self._pidfile: PidFile | None = None
        self._handover = Handover()
        self._sockets = Sockets(self._handover)
        self._follows = self._handover.follows
        self._backoff = Backoff()
        self._endings = Endings()
        self._start_at = 0.0
        self._stopping = False
        self._status = 0
        self._actions: dict[int, Callable[[], None]] = {
            signal.SIGTERM: self._on_term,
            signal.SIGINT: self._on_quit,
            signal.SIGQUIT: self._on_quit,
            signal.SIGHUP: self._on_reload,
            signal.SIGTTIN: self._on_more,
            signal.SIGTTOU: self._on_fewer,
            signal.SIGUSR1: self._on_reopen,
            signal.SIGUSR2: self._on_upgrade,
            signal.SIGCHLD: lambda: None,  # each turn of the loop reaps
        }
        self._inbox = SignalInbox(signal.Signals(number) for number in self._actions)
        self._crew = Crew(self, self._inbox, build_model, lambda: self._stats.let_go())
        self._stats = Stats(self, self._crew, self._inbox)
        self._manager = ServiceManager()

    def run(self) -> int:
        """Serve until told to stop; the exit status.  ConfigError if it cannot start."""
        try:
            self._open()
            self._fill()
            while self._crew or not self._stopping:
                self._wait()
                self._catch_up()
        except ApplicationLoadError as error:
            explain(error)
            return BOOT_FAILED
        finally:
            # Nothing to do after an orderly stop; whatever else happened, nobody is left.
            self._crew.end(self._crew, signal.SIGKILL, 0)
            self._sockets.close()
            self._stats.close()
            if self._pidfile:
                self._pidfile.remove()
        log.info("stopped")
        hooks.attempt(self.cfg, "on_exit", self)
        return self._status

    def _open(self) -> None:
        """Do all that can fail before there is a worker."""
        config = self.cfg
        hooks.call(config, "on_starting", self)
        self._open_for(config)
        if config.preload_app and not config.reload:
            self._application = load_application(config.wsgi_app or "")
        self._change_number(config.workers)
        hooks.call(config, "when_ready", self)

    def _open_for(self, config: Config) -> None:
        """Have everything that a configuration asks of the supervisor; ConfigError."""
        setup_logs(config)
        privileges.check_user(config.user, config.group)
        self._sockets.open(config)
        self._make_known(config)

    def _make_known(self, config: Config) -> None:
        """Write the pid file, answer for --stats; ConfigError.

        Both are another's as long as a process goes on that this one is to follow.
        """
        if not self._follows:
            self._stats.open(config.stats, config.umask)
        pidfile = PidFile(config.pidfile + ".2" * self._follows) if config.pidfile else None
        if pidfile:
            pidfile.write()
        if self._pidfile and self._pidfile != pidfile:
            self._pidfile.remove()
        self._pidfile = pidfile

    def _close_unused(self) -> None:
        """Stop listening where neither this configuration nor the one of before does."""
        self._sockets.keep({*self.cfg.bind, *(self._before[0].bind if self._before else ())})

    def _wait(self) -> None:
        """Do what the next signal says, or wait until something else has to be done."""
        now = time.monotonic()
        deadline = min(self._crew.next_deadline(), self._start_at if self._start_at > now else inf)
        others = self._sockets, self._stats, self._manager
        glance = now + GLANCE if self._follows else inf
        until = min(deadline, glance, *(each.next_deadline() for each in others))
        for number in self._inbox.wait(None if until == inf else max(0.0, until - now)):
            action = self._actions.get(number)
            if action is not None:  # else it is the application's own, loaded here by --preload
                action()
        # Woken late, the supervisor was kept from running (SIGSTOP, a frozen container, a machine
        # that is too busy), and so were its workers: they do not hang.
        if time.monotonic() > deadline + LATE:
            self._crew.forgive_silence()

    def _catch_up(self) -> None:
        """Bring everything to the state that it should be in by now."""
        for worker, status in self._crew.reap():
            self._stats.forget(worker)
            self._bury(worker, status)
        if not self._stopping:
            self._fill()
        self._crew.enforce()
        self._sockets.mend()
        self._take_the_place()
        self._stats.catch_up()
        self._manager.beat()

    def _bury(self, worker: Worker, status: int) -> None:
        """Take note of a worker's end, and of when the next may be started."""
        hooks.attempt(self.cfg, "child_exit", self, worker)
        if worker.leaving:
            log.info("worker %d %s", worker.pid, self._endings.in_words(worker, status))
            return
        started = worker.heartbeat.ready or worker.cfg.reload  # the latter may have waited instead
        lived = time.monotonic() - worker.started
        healthy = started and (status == 0 or lived >= SHORT_LIFE)
        delay = self._backoff.delay(healthy)
        self._start_at = time.monotonic() + delay
        log.log(
            logging.INFO if status == 0 else logging.ERROR,
            "worker %d %s%s",
            worker.pid,
            self._endings.in_words(worker, status),
            f"; the next starts in {delay:g} s" if delay else "",
        )
        if not started:
            self._consider_failed_start(worker, status)

    def _consider_failed_start(self, worker: Worker, status: int) -> None:
        if worker.cfg is not self.cfg:
            return  # a reload is under way, and it decides
        if self._before:
            self.cfg, number = self._before
            self._before = None
            log.error("reload given up: the workers of before serve on")
            self._change_number(number)
            self._go_back()
        elif status == BOOT_FAILED and not any(other.heartbeat.ready for other in self._crew):
            log.critical("no worker could start: stopping")
            self._status = BOOT_FAILED
            self._stop(signal.SIGTERM, QUICK_STOP)

    def _fill(self) -> None:
        """Bring the workers of this generation to their number, then end those of others."""
        self._retire(worker for worker in self._crew if worker.heartbeat.leaving)
        serving = [worker for worker in self._crew if worker.cfg is self.cfg and not worker.leaving]
        mine = [worker for worker in serving if not worker.heartbeat.tired]
        # Those that serve go last, and among them the youngest.
        mine.sort(key=lambda worker: worker.heartbeat.ready)
        self._retire(mine[: max(0, len(mine) - self.num_workers)])
        ready = [worker for worker in mine if worker.heartbeat.ready]
        if len(ready) >= self.num_workers:
            self._retire(worker for worker in serving if worker.heartbeat.tired)
            self._complete()
        missing = self.num_workers - len(mine)
        if not ready:
            # One goes ahead: where the application is broken, it fails once, not N times.
            missing = min(missing, 1 - len(mine))
        if time.monotonic() >= self._start_at:
            self._start(missing)

    def _start(self, number: int) -> None:
        try:
            for _ in range(number):
                self._crew.start(self.cfg, self._sockets.listeners, self._application)
        except OSError as error:
            log.error("cannot start a worker: %s; next attempt in 1 s", error.strerror)
            self._start_at = time.monotonic() + 1.0

    def _complete(self) -> None:
        """All workers of this generation serve: no other is needed, nor what it listened on."""
        self._retire(worker for worker in self._crew if worker.cfg is not self.cfg)
        if self._before:
            self._before = None
            self._close_unused()
            log.info("reloaded: %d workers", self.num_workers)
        self._manager.ready(f"workers ready: {self.num_workers}")

    def _retire(self, workers: Iterable[Worker]) -> None:
        """Let them finish what they have in hand."""
        staying = [worker for worker in workers if not worker.leaving]
        self._crew.end(staying, signal.SIGTERM, self._grace())

    def _grace(self) -> float:
        return self.cfg.graceful_timeout + LAST_WORDS if self.cfg.graceful_timeout else inf

    def _change_number(self, number: int) -> None:
        before, self.num_workers = self.num_workers, number
        if before != number:
            hooks.attempt(self.cfg, "nworkers_changed", self, number, before or None)

    def _stop(self, signum: signal.Signals, grace: float) -> None:
        self._stopping = True
        self._manager.stopping()
        self._sockets.close()
        self._crew.end(self._crew, signum, grace)

    def _on_term(self) -> None:
        if self._stopping:
            self._on_quit()
            return
        log.info("stopping: finishing the requests in flight")
        if not self._handover.shares:
            self._sockets.take_no_more()  # before the workers accept for the last time
        self._stop(signal.SIGTERM, self._grace())

    def _on_quit(self) -> None:
        log.info("stopping at once")
        self._stop(signal.SIGINT, QUICK_STOP)

    def _on_reload(self) -> None:
        if self._stopping:
            return
        self._manager.reloading()
        try:
            config = replace(self.cfg.reread())  # a copy: the object makes a generation
            self._open_for(config)
        except Exception as error:  # of whatever kind: the workers of before serve on
            about = None if isinstance(error, ConfigError) else error
            log.error("not reloaded, the configuration of before stays: %s", error, exc_info=about)
            self._go_back()
            return
        log.info("reloading")
        if self._application:
            log.warning("the application stays as it was loaded at the start (--preload)")
        self._before = self._before or (self.cfg, self.num_workers)
        self.cfg = config
        self._start_at = 0.0
        self._change_number(config.workers)
        hooks.attempt(config, "on_reload", self)

    def _go_back(self) -> None:
        """Undo what was done for a configuration that is given up."""
        try:
            self._open_for(self.cfg)
        except ConfigError as error:
            log.error("%s", error)
        self._close_unused()

    def _on_more(self) -> None:
        self._change_number(self.num_workers + 1)

    def _on_fewer(self) -> None:
        self._change_number(max(1, self.num_workers - 1))

    def _on_reopen(self) -> None:
        reopen_logs()
        log.info("log files are opened anew")
        for worker in self._crew:
            self._crew.send(worker, signal.SIGUSR1)

    def _on_upgrade(self) -> None:
        if self._stopping:
            return
        hooks.attempt(self.cfg, "pre_exec", self)
        try:
            pid = self._handover.start(self._sockets.listeners)
        except OSError as error:
            log.error("USR2: cannot start a process: %s", error.strerror)
            return
        if pid:
            log.info(
                "USR2: process %d begins to serve too; TERM to %d ends this one", pid, self.pid
            )
            self._manager.follow(pid)
        else:
            log.warning("USR2: nothing is started")

    def _take_the_place(self) -> None:
        """Notice when the process that this one follows has ended, or the one that follows it."""
        if self._handover.lost(self._sockets.listeners):
            log.error("USR2: the new process has ended; this one serves on alone")
            self._manager.follow(self.pid)
        if self._follows and not self._handover.follows:
            self._follows = False
            log.info("the process of before has ended: this one serves in its place")
            try:
                self._make_known(self.cfg)
            except ConfigError as error:
                log.error("%s", error)
