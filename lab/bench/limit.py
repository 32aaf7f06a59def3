"""An end to what hangs."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from lab.bench.void import VoidError


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises VoidError in the block where it takes longer, whatever it waits for.

    By SIGALRM, which reaches the main thread alone; in another one there is no limit.  An alarm
    that was set before goes on afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise VoidError(f"it hung: not done within {seconds:.0f} s")

    before, began = signal.signal(signal.SIGALRM, end), time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            rest = max(left - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, rest, interval)
