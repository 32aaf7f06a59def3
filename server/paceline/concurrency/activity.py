"""What the threads of a model do at this moment, as seen from another thread.

Requests pay next to nothing for it: a thread stores the conversation that it works on in its Seat,
and everything else is looked up from there when somebody asks.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from paceline.conversation import Conversation
from paceline.exchange import Exchange

IDLE, LEADING, BUSY = "idle", "leading", "busy"


class Seat:
    """Where a thread shows what it works on; made, and written, by that thread alone."""

    __slots__ = ("conversation", "name", "native_id")

    def __init__(self) -> None:
        self.name = threading.current_thread().name
        # Asked here: in a forked process Thread.native_id may still be that of its parent.
        self.native_id = threading.get_native_id()
        self.conversation: Conversation | None = None

    def doing(self) -> "Doing":
        """Tell what the thread works on.  Whether it leads, the adaptive model finds out itself."""
        conversation = self.conversation
        return Doing(self.name, self.native_id, BUSY if conversation else IDLE, conversation)


@dataclass(frozen=True, slots=True)
class Doing:
    """One thread: its state, IDLE, LEADING or BUSY, and the conversation that it works on."""

    name: str
    native_id: int | None
    """None before it has begun."""
    state: str
    conversation: Conversation | None = None

    @property
    def exchange(self) -> Exchange | None:
        """Return the request that it answers, if any."""
        return self.conversation.exchange if self.conversation else None


@dataclass(frozen=True, slots=True)
class Activity:
    """All threads that serve, and how much work waits for them."""

    threads: Sequence[Doing]
    limit: int
    """Threads that there may be."""
    connections: int
    """Open ones, whether a thread works on them or not."""
    queue: int = 0
    """Connections that are ready, but that no thread has taken yet."""
