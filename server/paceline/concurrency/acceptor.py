"""Who is let in by the adaptive model: as long as there is room, and for the last time in a drain.

    listening ──▶ no room: asks those to leave who can be spared ──▶ listening
        │    └──▶ another worker has fewer: leaves who comes to that, for LOOK ──▶ listening
        └───────▶ stopped: a last call for those who have connected ──▶ closed

The leader alone calls what is in here.
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
        self._last_call = 0.0  # when it accepts for the last time, in a drain
        self._drained_by = 0.0
        self.pause = HEARTBEAT
        """Seconds that a poll may take."""
        self.look_at = math.inf
        """When ``look_again`` is due."""
        self.tend_at = 0.0
        """When ``tend`` is due."""
        self.finished = False
        """Whether a drain is over."""

    def listen(self) -> None:
        """Hear of those who connect."""
        for listener in self._model.listeners:
            descriptor = listener.socket.fileno()
            self._listening[descriptor] = listener
            self._poller.register(descriptor, READ)

    def _turn_away(self) -> None:
        for descriptor in self._listening:
            with suppress(OSError):  # the application has closed it
                self._poller.unregister(descriptor)
        self._listening.clear()

    def accept(self, descriptor: int) -> None:
        """Take in those who have connected."""
        listener = self._listening.get(descriptor)
        if listener is None:
            return
        there = self._watch.conversations
        for _ in range(IN_A_ROW):
            if len(there) >= self._service.max_connections:
                self._turn_away()
                self._waiting_for_room = True
                self.pause, self.tend_at = RESTLESS, 0.0
                return
            if self._yields():
                return
            conversation = self._model.accept(listener)
            if conversation is None:
                return
            self._watch.take_in(conversation)
            self.tell()

    def tell(self) -> None:
        """Tell the other workers how many connections there are here."""
        if self._service.place is not None:
            there = len(self._watch.conversations)
            self._service.place.say(math.inf if self._model.stopping else there)

    def _yields(self) -> bool:
        """Leave who connects to a worker that has fewer, unless nobody there has time for them."""
        place, now = self._service.place, time.monotonic()
        there = len(self._watch.conversations)
        if place is None or self._model.stopping or not place.yields(there, now):
            return False
        self._turn_away()
        self.pause, self.look_at = LOOK, now + LOOK
        return True

    def look_again(self) -> None:
        """See whether those who were left to another worker are still there."""
        self.pause, self.look_at = HEARTBEAT, math.inf
        self.listen()

    def stop(self) -> None:
        """Begin to drain, with the next ``tend``."""
        self.pause, self.look_at, self.tend_at = RESTLESS, math.inf, 0.0

    def tend(self, now: float) -> None:
        """About once a second: see to it that there is room; in a drain, that nobody is left."""
        self.tell()
        self.tend_at = now + (RESTLESS if self._waiting_for_room else HEARTBEAT)
        if self._model.stopping:
            self._drain(now)
        elif self._waiting_for_room:
            self._make_room(now)

    def _make_room(self, now: float) -> None:
        """Listen again where there is room; else ask those to leave who can be spared."""
        if len(self._watch.conversations) < self._service.max_connections:
            self._waiting_for_room = False
            self.pause = HEARTBEAT
            self.listen()
            return
        everybody = list(self._watch.conversations.values())
        for conversation in dispensable(everybody, self._service, now):
            conversation.deadline = 0.0  # its rider still serves what has come meanwhile

    def _drain(self, now: float) -> None:
        model, there = self._model, self._watch.conversations
        if not self._drained_by:
            self._turn_away()
            self._last_call, self._drained_by = now + HANDSHAKES, now + DRAIN
        if self._last_call:
            for conversation in model.who_waits():
                self._watch.take_in(conversation)
        if now >= self._last_call > 0:
            self._last_call = 0.0
            model.close_listeners()
        self.tend_at = now + RESTLESS
        for conversation in list(there.values()):
            if not conversation.owned and conversation.idle:
                conversation.deadline = min(conversation.deadline, self._drained_by)
        self.finished = not there and not self._last_call
