"""When the adaptive model accepts connections, and when it leaves them in the backlog.

    listening ──▶ at its limit: closes connections that can be spared ──▶ listening
        │    └──▶ another worker has fewer: stands back for LOOK seconds ──▶ listening
        └───────▶ stopping: accepts what has connected until now ──▶ closed

Only the leader calls what is in here.
"""

import math
import time
from contextlib import suppress

from paceline.balance import LOOK
from paceline.concurrency.base import DRAIN, HANDSHAKES, HEARTBEAT, Model
from paceline.concurrency.poller import Poller
from paceline.concurrency.room import dispensable
from paceline.concurrency.watch import Watch
from paceline.ending import READ
from paceline.transport import Listener

RESTLESS = 0.05  # seconds between two polls while draining, or while there is no room
IN_A_ROW = 64


class Acceptor:
    """See the module."""

    def __init__(self, model: Model, poller: Poller, watch: Watch) -> None:
        self._model = model
        self._service = model.service
        self._poller = poller
        self._watch = watch
        self._listening: dict[int, Listener] = {}
        self._waiting_for_room = False
        self._last_accept = 0.0  # while draining: when it accepts for the last time
        self._drained_by = 0.0  # while draining: when idle connections are closed
        self.pause = HEARTBEAT
        """Seconds that a poll may block."""
        self.resume_at = math.inf
        """When ``resume`` is due."""
        self.tend_at = 0.0
        """When ``tend`` is due."""
        self.finished = False
        """Whether the worker has drained: it listens no more, and no connection is left."""

    def listen(self) -> None:
        """Have the poller report new connections."""
        for listener in self._model.listeners:
            descriptor = listener.socket.fileno()
            self._listening[descriptor] = listener
            self._poller.register(descriptor, READ)

    def _pause_listening(self) -> None:
        """Leave new connections in the kernel's backlog; ``listen`` resumes."""
        for descriptor in self._listening:
            with suppress(OSError):  # the application has closed it
                self._poller.unregister(descriptor)
        self._listening.clear()

    def accept(self, descriptor: int) -> None:
        """Accept what waits at a listener, as long as there is room."""
        listener = self._listening.get(descriptor)
        if listener is None:
            return
        conversations = self._watch.conversations
        for _ in range(IN_A_ROW):
            if len(conversations) >= self._service.max_connections:
                self._pause_listening()
                self._waiting_for_room = True
                self.pause, self.tend_at = RESTLESS, 0.0
                return
            if self._yields():
                return
            conversation = self._model.accept(listener)
            if conversation is None:
                return
            self._watch.add(conversation)
            self.tell()

    def tell(self) -> None:
        """Tell the other workers how many connections this one has."""
        if self._service.place is not None:
            count = len(self._watch.conversations)
            self._service.place.say(math.inf if self._model.stopping else count)

    def _yields(self) -> bool:
        """Stand back, and tell so, where another worker has fewer connections (balance.py)."""
        place, now = self._service.place, time.monotonic()
        count = len(self._watch.conversations)
        if place is None or self._model.stopping or not place.yields(count, now):
            return False
        self._pause_listening()
        self.pause, self.resume_at = LOOK, now + LOOK
        return True

    def resume(self) -> None:
        """Listen again: what another worker was to accept may still be there."""
        self.pause, self.resume_at = HEARTBEAT, math.inf
        self.listen()

    def stop(self) -> None:
        """Begin to drain, with the next ``tend``."""
        self.pause, self.resume_at, self.tend_at = RESTLESS, math.inf, 0.0

    def tend(self, now: float) -> None:
        """Make room for new connections; while draining, end the old ones.  Once a second or so."""
        self.tell()
        self.tend_at = now + (RESTLESS if self._waiting_for_room else HEARTBEAT)
        if self._model.stopping:
            self._drain(now)
        elif self._waiting_for_room:
            self._make_room(now)

    def _make_room(self, now: float) -> None:
        """Listen again if there is room by now; else have the dispensable ones closed."""
        if len(self._watch.conversations) < self._service.max_connections:
            self._waiting_for_room = False
            self.pause = HEARTBEAT
            self.listen()
            return
        everybody = list(self._watch.conversations.values())
        for conversation in dispensable(everybody, self._service, now):
            conversation.deadline = 0.0  # expires in the next sweep; what came until then is served

    def _drain(self, now: float) -> None:
        """Accept what the backlog holds, close the listeners, let idle connections expire."""
        model, conversations = self._model, self._watch.conversations
        if not self._drained_by:
            self._pause_listening()
            self._last_accept, self._drained_by = now + HANDSHAKES, now + DRAIN
        if self._last_accept:
            for conversation in model.accept_backlog():
                self._watch.add(conversation)
        if now >= self._last_accept > 0:
            self._last_accept = 0.0
            model.close_listeners()
        self.tend_at = now + RESTLESS
        for conversation in list(conversations.values()):
            if not conversation.owned and conversation.idle:
                conversation.deadline = min(conversation.deadline, self._drained_by)
        self.finished = not conversations and not self._last_accept
