"""One connection at a time: the simplest server there is, and a measure for the others.

    accept ─▶ read ─▶ application ─▶ write ─▶ close ─▶ accept ─▶ …

Whoever is slow, client or application, holds up everybody.  A connection that was kept open would
hold them up for nothing, so each is closed after one answer (as gunicorn's sync worker does).
Right behind a proxy that buffers, with a worker for each core, for work that is CPU alone.
"""

from paceline.concurrency.activity import Activity, Seat
from paceline.concurrency.base import Model
from paceline.conversation import Conversation
from paceline.service import Service
from paceline.transport import Listener


class Serial(Model):
    """See the module."""

    multithread = False

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        super().__init__(listeners, service)
        self._seat = Seat()

    def run(self) -> None:
        """Serve until stopped; the connection at hand is finished."""
        self.service.keeps_connections = False
        self.service.beat = self.service.heartbeat  # also while it waits for a client
        for listener in self.ready_listeners():
            conversation = self.accept(listener)
            if conversation is not None:
                self._attend(conversation)
        for conversation in self.last_connections():
            self._attend(conversation)

    def _attend(self, conversation: Conversation) -> None:
        self._seat.conversation = conversation
        self.converse(conversation)
        self._seat.conversation = None

    def activity(self) -> Activity:
        """See the base."""
        doing = self._seat.doing()
        return Activity([doing], limit=1, connections=int(doing.conversation is not None))
