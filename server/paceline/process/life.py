"""The life of a worker process, from the fork to its end."""

import atexit
import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

from paceline.application import load_application
from paceline.config import enter
from paceline.errors import PacelineError
from paceline.observe import error_stream, reopen_logs
from paceline.process import child, hooks, oom, privileges, procfs
from paceline.process.in_hand import in_hand
from paceline.process.output import flush_output
from paceline.process.reloader import Watch, files_behind
from paceline.process.teller import Teller
from paceline.process.watchman import Watchman
from paceline.process.worker import BuildModel, Model, Worker
from paceline.transport import Listener

LOOK = 1.0
"""Seconds between two looks of a worker at itself: what it has in hand, how large it is."""

BOOT_FAILED = 3  # gunicorn's exit status for it, which people's scripts know

log = logging.getLogger("paceline.error")


class Life:
    """Prepared before the fork, lived after it, in the child."""

    def __init__(
        self,
        worker: Worker,
        server: object,
        listeners: Sequence[Listener],
        build_model: BuildModel,
        wake_supervisor: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._server = server
        self._listeners = listeners
        self._build_model = build_model
        self._wake_supervisor = wake_supervisor
        self._config = worker.cfg
        self._parent = os.getpid()
        self._model: Model | None = None
        self._look_at = 0.0
        self._limit = self._config.max_memory

    def settle_in(self) -> None:
        """Give signals the meaning that they have until there is something to drain.

        To be called in the child while signals are blocked.
        """
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD):
            signal.signal(signum, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, lambda *_: reopen_logs())
        # Before faulthandler, which writes the stacks of all threads from C, whoever holds the
        # GIL, and then passes the signal on to the handler that it found.
        signal.signal(signal.SIGABRT, self._on_abort)
        faulthandler.enable(error_stream())

    def run(self) -> NoReturn:
        """Live, and end the process."""
        self._worker.pid = os.getpid()
        status = 1
        try:
            status = self._live()
        except BaseException:
            log.critical("worker %d failed", self._worker.pid, exc_info=True)
        self._end(status, in_a_hurry=False)

    def _live(self) -> int:
        watch = Watch(self._config.reload_extra_files) if self._config.reload else None
        try:
            model = self._model = self._boot()
        # SystemExit too: code that runs at import must not look as if the worker was done.
        except BaseException as error:
            explain(error)
            return self._wait_for_repair(watch, error) if watch else BOOT_FAILED
        if watch:
            watch.changed()  # takes note of what was imported
            threading.Thread(target=self._restart_on_change, args=[watch], daemon=True).start()
        if self._worker.channel:
            Teller(self._worker.channel.answer_only(), model).start()
        if self._config.request_timeout or self._config.slow_request:
            self._watch_requests(model)
        self._obey(model)
        self._check_limit()
        log.info("worker %d is ready", self._worker.pid)
        self._worker.heartbeat.say_ready()
        self._wake_supervisor()
        model.run()
        return 0

    def _watch_requests(self, model: Model) -> None:
        try:
            Watchman(model, self._config.slow_request, self._config.request_timeout).start()
        except RuntimeError as error:  # a limit of the system, such as a container's
            log.error("No thread for --request-timeout and --slow-request: %s", error)

    def _boot(self) -> Model:
        """Make a model out of a copy of the supervisor."""
        config, worker = self._config, self._worker
        oom.go_before(self._parent)  # while it still has the rights to write there
        hooks.call(config, "post_fork", self._server, worker)
        if config.umask:  # 0, the default, opens the sockets to all; it must not open all files
            os.umask(config.umask)
        privileges.become(config.user, config.group)
        privileges.die_with_parent(self._parent)
        if worker.wsgi is None:
            enter(config)
            worker.wsgi = load_application(config.wsgi_app or "")
        hooks.call(config, "post_worker_init", worker)
        return self._build_model(config, self._listeners, worker.wsgi, self._beat, worker)

    def _obey(self, model: Model) -> None:
        """Let signals end the model from now on."""

        def drain(*_: object) -> None:
            model.stop()

        def quit_now(*_: object) -> None:
            # A terminal sends INT to everyone, and then the supervisor does: once is enough.
            for each in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
                signal.signal(each, _ignore)
            hooks.attempt(self._config, "worker_int", self._worker)
            self._end(0, in_a_hurry=True)

        child.keep_out(self._listeners)
        signal.signal(signal.SIGTERM, drain)
        signal.signal(signal.SIGINT, quit_now)
        signal.signal(signal.SIGQUIT, quit_now)

    def _on_abort(self, *_: object) -> None:
        try:
            for each in in_hand(self._model) if self._model else ():
                log.critical("Was at %s", each)
            self._worker.note.write([])  # that is said
            hooks.attempt(self._config, "worker_abort", self._worker)
        finally:
            self._end(1, in_a_hurry=True)

    def _beat(self) -> None:
        heartbeat = self._worker.heartbeat
        heartbeat.beat()
        model = self._model
        if model and heartbeat.last >= self._look_at:
            self._look_at = heartbeat.last + LOOK
            self._worker.note.write(in_hand(model))
            model.tired = model.tired or self._is_too_large()
        if model and model.tired and not heartbeat.tired:
            heartbeat.say_tired()
            self._wake_supervisor()
        # Whoever stops it, its successor need not wait for its end.
        if model and model.stopping and not heartbeat.leaving:
            heartbeat.say_leaving()
            self._wake_supervisor()
        privileges.exit_if_orphaned(self._parent)

    def _check_limit(self) -> None:
        """Give up a limit that no worker keeps to: one after the other would be replaced."""
        if size := self._too_much():
            log.error(
                "Has %d MiB of memory before its first request, past --max-memory, and is not "
                "replaced for that, since another would have as much: set it higher",
                size >> 20,
            )
            self._limit = 0

    def _is_too_large(self) -> bool:
        if size := self._too_much():
            log.info(
                "Has %d MiB of memory, past --max-memory; goes on until another can serve",
                size >> 20,
            )
        return bool(size)

    def _too_much(self) -> int:
        """Return the bytes of memory that it has, where they are too many; else 0."""
        _, size = procfs.usage(os.getpid()) if self._limit else (None, None)
        return size if size and size > self._limit else 0

    def _wait_for_repair(self, watch: Watch, error: BaseException) -> int:
        watch.also(files_behind(error))
        log.info("waiting for a change of the application's files")
        log.info("%s has changed: trying again", watch.wait(between=self._beat))
        return 0

    def _restart_on_change(self, watch: Watch) -> None:
        log.info("%s has changed: restarting", watch.wait())
        os.kill(os.getpid(), signal.SIGTERM)

    def _end(self, status: int, *, in_a_hurry: bool) -> NoReturn:
        """Do what the interpreter does at its end and os._exit() leaves out, then end.

        multiprocessing ends its children in the same way.  Also called in a signal handler, in
        the middle of whatever the main thread does, hence no exception: an application could
        catch it.
        """
        try:
            hooks.attempt(self._config, "worker_exit", self._server, self._worker)
            if not in_a_hurry:
                threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
            atexit._run_exitfuncs()
            flush_output()
        finally:
            os._exit(status)


def explain(error: BaseException) -> None:
    """Log why a worker cannot start: one line, and a traceback where code has failed."""
    if isinstance(error, PacelineError):
        log.error("%s", error, exc_info=error.__cause__)
    else:
        log.error("a worker could not start", exc_info=error)


def _ignore(*_: object) -> None:
    """Unlike SIG_IGN, this is not passed on to programs that the application starts."""
