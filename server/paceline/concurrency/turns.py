"""The ready queue of the adaptive model: first come, first served, but short work before long.

Most conversations need one turn: read a request, answer it.  Some need many: a large body, a
request that trickles in, several requests sent at once (pipelining).  Those wait in a second queue
between their turns, and the short ones go first, but nobody in the second queue is passed over for
longer than PATIENCE.
"""

import contextlib
from collections import deque

from paceline.conversation import Conversation

PATIENCE = 0.02  # seconds


class Turns:
    """Conversations that are ready for a step; any thread may add to the deques and take."""

    __slots__ = ("later", "ready")

    def __init__(self) -> None:
        self.ready: deque[Conversation] = deque()
        """Served first."""
        self.later: deque[Conversation] = deque()
        """Served when nothing is in ``ready``, or after PATIENCE."""

    def __len__(self) -> int:
        return len(self.ready) + len(self.later)

    def promote_one(self) -> bool:
        """Move the oldest of ``later`` to ``ready``, which is empty; tell whether there was one."""
        try:
            self.ready.append(self.later.popleft())
        except IndexError:
            return False
        return True

    def promote_overdue(self, now: float) -> None:
        """Move those to ``ready`` that have waited in ``later`` for longer than PATIENCE."""
        with contextlib.suppress(IndexError):  # another thread has taken the last one
            while self.later and self.later[0].ready_at < now - PATIENCE:
                self.ready.append(self.later.popleft())
