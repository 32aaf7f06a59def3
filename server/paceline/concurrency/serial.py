"""One connection at a time: the simplest server there is, and a measure for the others.

    accept ─▶ read ─▶ application ─▶ write ─▶ close ─▶ accept ─▶ …

Whoever is slow, client or application, holds up everybody.  A connection that was kept open would
hold them up for nothing, so each is closed after one answer (as gunicorn's sync worker does).
Right behind a proxy that buffers, with a worker for each core, for work that is CPU alone.
"""

import select

from paceline.concurrency.activity import Activity, Seat
from paceline.concurrency.base import HEARTBEAT, Model
from paceline.conversation import Conversation
from paceline.ending import READ
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
        self.service.beat = self.service.heartbeat  # while it waits for a client, it lives
        waiter = select.poll()
        waiter.register(self._stopped, READ)
        listeners = {listener.socket.fileno(): listener for listener in self.listeners}
        for descriptor in listeners:
            waiter.register(descriptor, READ)
        while not self.stopping:
            for descriptor, _ in waiter.poll(HEARTBEAT * 1000):
                if descriptor in listeners:
                    conversation = self.accept(listeners[descriptor])
                    if conversation is not None:
                        self._attend(conversation)
            self.service.heartbeat()
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
