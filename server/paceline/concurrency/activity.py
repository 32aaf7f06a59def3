"""What the threads of a model do at a moment, for whoever looks on from another thread.

Nothing is counted or copied for it on the way of a request: a thread keeps the conversation that it
has in hand where it can be seen, and all else is looked up in that.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from paceline.conversation import Conversation
from paceline.exchange import Exchange

IDLE, LEADING, BUSY = "idle", "leading", "busy"


class Seat:
    """The calling thread's own; it alone sets what it has in hand."""

    __slots__ = ("conversation", "name", "native_id")

    def __init__(self) -> None:
        self.name = threading.current_thread().name
        # Asked here: in a forked process Thread.native_id may still be that of its parent.
        self.native_id = threading.get_native_id()
        self.conversation: Conversation | None = None

    def doing(self) -> "Doing":
        """Tell what it does, if it does nothing but converse."""
        conversation = self.conversation
        return Doing(self.name, self.native_id, BUSY if conversation else IDLE, conversation)


@dataclass(frozen=True, slots=True)
class Doing:
    """One thread: IDLE, LEADING or BUSY, and the conversation that it has in hand."""

    name: str
    native_id: int | None
    """None before it has begun."""
    state: str
    conversation: Conversation | None = None

    @property
    def exchange(self) -> Exchange | None:
        """Return what it answers, if anything."""
        return self.conversation.exchange if self.conversation else None


@dataclass(frozen=True, slots=True)
class Activity:
    """All threads that serve, and how much there is for them to do."""

    threads: Sequence[Doing]
    limit: int
    """Threads that there may be at the most."""
    connections: int
    """Open, whoever has them."""
    queue: int = 0
    """Connections that something can be done for, and that no thread has yet."""
