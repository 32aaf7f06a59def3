"""What wakes the main loop: signals, as numbers read from a pipe, and descriptors of its own.

Nothing is done in a signal handler, so nothing can be interrupted half done: the
interpreter writes the number of each signal into the pipe (``signal.set_wakeup_fd``),
and the loop that waits on the pipe wakes up, also for what arrived while it was busy.
"""

import os
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import ceil


class SignalInbox:
    """Takes the given signals from now on.  One per process, in its main thread."""

    def __init__(self, signals: Iterable[signal.Signals]) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._handlers: dict[int, Callable[[], None]] = {}
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for signum in signals:
            signal.signal(signum, _taken)

    def wait(self, timeout: float | None) -> bytes:
        """Block until a signal, a wake() or the timeout (seconds); the signals' numbers."""
        numbers = b""
        for descriptor, _ in self._poll.poll(None if timeout is None else ceil(timeout * 1000)):
            if descriptor == self._read:
                numbers = os.read(self._read, 4096).replace(b"\0", b"")
            elif descriptor in self._handlers:  # else the handler before has done with it
                self._handlers[descriptor]()
        return numbers

    def attend(self, descriptor: int, mask: int, handler: Callable[[], None]) -> None:
        """From now on wait() calls `handler` when something of `mask` (poll's) can be done.

        The handler must neither block nor raise; it may be called once when nothing can be done.
        """
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, mask)

    def ignore(self, descriptor: int) -> None:
        """No more; to be called before it is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def wake(self) -> None:
        """End the wait(); a forked child may call it too, to wake its parent."""
        os.write(self._write, b"\0")

    def forget_in_child(self) -> None:
        """After a fork: leave wake() alone; the signals do nothing until they get handlers."""
        signal.set_wakeup_fd(-1)
        os.close(self._read)


def _taken(*_: object) -> None:
    """Nothing: the pipe has the number.  Without a handler the default action would be taken."""


@contextmanager
def all_blocked() -> Iterator[set[int | signal.Signals]]:
    """Hold signals back, so that a fork leaves none to the wrong handler; the mask of before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
