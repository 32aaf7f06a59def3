"""The steps of a piece of work, timed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.tracing.span import Event, Value


@dataclass(slots=True)
class Step:
    """One step: nanoseconds since 1970."""

    name: str
    start: int
    end: int = 0
    error: str | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


class Steps:
    """Times steps by the monotonic clock, set once by the wall clock.

    So a wall clock that is put right meanwhile does no harm to durations.
    """

    def __init__(self) -> None:
        self._epoch = time.time_ns() - time.monotonic_ns()
        self.done: list[Step] = []

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self._epoch + time.monotonic_ns()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Times what is done within; what is raised there becomes the step's error too."""
        step = Step(name, self.now())
        self.done.append(step)
        try:
            yield step
        except Exception as error:
            step.error = str(error) or type(error).__name__
            raise
        finally:
            step.end = self.now()
