"""The most that a server held while it was measured."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

EVERY = 0.5
"""Seconds between looks: each takes about a millisecond of the load's core."""

Look = Callable[[], Mapping[str, float]]
"""What is held now, by name; raises OSError where a process ends meanwhile."""


class Peak:
    """The highest figures so far, under the names that results have."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.figures: dict[str, float] = {}

    def look(self) -> None:
        """Takes in what is held now."""
        with suppress(OSError):
            for name, held in self._look().items():
                self.figures[name] = max(held, self.figures.get(name, 0))


@contextmanager
def watched(look: Look) -> Iterator[Peak]:
    """Looks again and again, at least at the beginning and at the end."""
    peak, ended = Peak(look), threading.Event()

    def watch() -> None:
        peak.look()
        while not ended.wait(EVERY):
            peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
        peak.look()
