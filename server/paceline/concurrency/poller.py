"""Where epoll is missing: the standard library's selector, with epoll's four methods."""

import os
import select
import selectors
import threading
from typing import TYPE_CHECKING

from paceline.ending import READ, WRITE

_TO_SELECTORS = {READ: selectors.EVENT_READ, WRITE: selectors.EVENT_WRITE}


class SelectorPoller:
    """Like ``select.epoll``; one thread polls, any thread may register.

    A selector does not see what is registered while it waits, so changes are left for the polling
    thread, which is woken through a pipe.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._masks: dict[int, int] = {}  # as they should be; 0: not at all
        self._changed: set[int] = set()
        self._lock = threading.Lock()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def register(self, descriptor: int, mask: int) -> None:
        """Look for ``mask`` on a descriptor from now on."""
        with self._lock:
            self._masks[descriptor] = mask
            self._changed.add(descriptor)
        try:
            os.write(self._wake, b"c")
        except BlockingIOError:
            pass  # it is awake

    modify = register

    def unregister(self, descriptor: int) -> None:
        """Look for nothing on it any more.  Raises OSError where nothing was looked for."""
        with self._lock:
            if not self._masks.get(descriptor):
                raise OSError("not registered")
        self.register(descriptor, 0)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Wait, in seconds, for what was registered; return descriptors with what can be done."""
        self._apply_changes()
        events = []
        for key, _ in self._selector.select(timeout):
            if key.fd == self._woken:
                os.read(self._woken, 4096)
            elif mask := self._masks.get(key.fd, 0):
                events.append((key.fd, mask))
        return events

    def _apply_changes(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, set()
            wanted = [(descriptor, self._masks.get(descriptor, 0)) for descriptor in changed]
        for descriptor, mask in wanted:
            try:
                self._selector.unregister(descriptor)
            except (KeyError, ValueError):
                pass
            if mask:
                try:
                    self._selector.register(descriptor, _TO_SELECTORS[mask])
                except (OSError, ValueError):
                    pass  # closed meanwhile

    def close(self) -> None:
        """Give the descriptors back."""
        self._selector.close()
        os.close(self._woken)
        os.close(self._wake)


if TYPE_CHECKING:
    Poller = select.epoll | SelectorPoller
else:
    Poller = object  # where epoll is missing there is no such name


def make_poller() -> "Poller":
    """Return what this system polls with best."""
    return select.epoll() if hasattr(select, "epoll") else SelectorPoller()
