"""The thread that watches how long requests take: `--slow-request` and `--request-timeout`.

It looks at the threads of the model from outside, so requests pay nothing for it.  It needs the
GIL: a request in C code that holds the GIL only the supervisor's `--timeout` can end.
"""

import logging
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass

from paceline.concurrency.activity import Doing
from paceline.conversation import Conversation
from paceline.exchange import Exchange
from paceline.process import procfs
from paceline.process.worker import Model

TICKS = 10  # looks within the shorter of both limits ...
SELDOM, OFTEN = 1.0, 0.02  # ... but at the most, and the least, so many seconds between two

log = logging.getLogger("paceline.error")


@dataclass
class Case:
    """A request that is being looked at."""

    thread: str
    native_id: int
    conversation: Conversation
    exchange: Exchange
    since: float
    """When it was seen first (``time.monotonic()``), at most a tick after it began."""
    cpu: float | None
    """What its thread had used by then, in seconds."""
    told: bool = False
    """Whether it was logged as slow."""
    over: bool = False
    """Whether it was given up."""


class Watchman:
    """Looks on from ``start()`` on; the limits are seconds, 0: none."""

    def __init__(self, model: Model, slow: float, limit: float) -> None:
        self._model = model
        self._slow = slow
        self._limit = limit
        self._cases: dict[int, Case] = {}
        shorter = min(each for each in (slow, limit) if each)
        self._pause = min(SELDOM, max(OFTEN, shorter / TICKS))

    def start(self) -> None:
        """Begin.  Raises RuntimeError where there can be no thread."""
        threading.Thread(target=self._run, name="watchman", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self._pause)
            try:
                self._look(time.monotonic())
            except Exception:
                log.exception("--request-timeout: this look has failed")

    def _look(self, now: float) -> None:
        seen: dict[int, Case] = {}
        for doing in self._model.activity().threads:
            if (case := self._case(doing, now)) is not None:
                seen[case.native_id] = case
                self._judge(case, now)
        self._cases = seen

    def _case(self, doing: Doing, now: float) -> Case | None:
        conversation, exchange, native_id = doing.conversation, doing.exchange, doing.native_id
        if conversation is None or exchange is None or native_id is None:
            return None
        known = self._cases.get(native_id)
        if known is not None and known.exchange is exchange:
            return known
        cpu = procfs.thread_clock(os.getpid(), native_id)
        return Case(doing.name, native_id, conversation, exchange, now, cpu)

    def _judge(self, case: Case, now: float) -> None:
        took = now - case.since
        if self._slow and took >= self._slow and not case.told:
            case.told = True
            tell(logging.WARNING, case, took, "takes")
        if self._limit and took >= self._limit and not case.over:
            case.over = True
            tell(logging.ERROR, case, took, "is given up after")
            self._model.tired = True
            give_up(case)


def tell(level: int, case: Case, took: float, what: str) -> None:
    """Log which request it is, what its time goes into, and where its thread is."""
    used = procfs.thread_clock(os.getpid(), case.native_id)
    work = ""
    if used is not None and case.cpu is not None:
        cpu = min(used - case.cpu, took)
        work = f": {cpu:.2f} s of CPU, {took - cpu:.2f} s waiting"
    said = f"{case.exchange.request_line!r} {what} {took:.2f} s{work}; {case.thread} is at"
    if log.isEnabledFor(level):
        # A record with a stack, as ``stack_info`` makes one, but of another thread.
        where = stack(case.native_id)
        log.handle(log.makeRecord(log.name, level, "", 0, said, (), None, sinfo=where))


def stack(native_id: int) -> str:
    """Return where a thread is, outermost first."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread.native_id == native_id and thread.ident in frames:
            return "".join(traceback.format_stack(frames[thread.ident])).rstrip()
    return "  (it has ended)"


def give_up(case: Case) -> None:
    """End the connection of a request whose application goes on; 503 where nothing was sent."""
    case.conversation.stop_sending()
    time.sleep(0.02)  # by then its thread is done, if it was in the middle of a send
    case.conversation.end_timed_out(case.exchange)
