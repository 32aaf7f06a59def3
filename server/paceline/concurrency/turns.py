"""Whose turn it is in the adaptive model: in the order of coming, and small before large.

Who brings a large body, or a request by and by, or has sent several at once, takes many turns.
Between two of them goes whoever asks for one thing only, as long as nobody waits longer than for
PATIENCE.
"""

import contextlib
from collections import deque

from paceline.conversation import Conversation

PATIENCE = 0.02  # seconds


class Turns:
    """Conversations that something can be done for; any thread may add to them and take."""

    __slots__ = ("later", "ready")

    def __init__(self) -> None:
        self.ready: deque[Conversation] = deque()
        """Those that are next."""
        self.later: deque[Conversation] = deque()
        """Those that give way to them."""

    def __len__(self) -> int:
        return len(self.ready) + len(self.later)

    def relent(self) -> bool:
        """Let whoever has given way for longest be next, as nobody is ready; tell if any has."""
        try:
            self.ready.append(self.later.popleft())
        except IndexError:
            return False
        return True

    def lose_patience(self, now: float) -> None:
        """Let those give way no more who have for long."""
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            while self.later and self.later[0].ready_at < now - PATIENCE:
                self.ready.append(self.later.popleft())
