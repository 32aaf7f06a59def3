"""A pool: one thread polls all connections, a fixed number of others serve what is ready.

    poll ─▶ queue ─▶ one of N threads: read ─▶ application ─▶ write ─▶ back to the poll

Idle connections cost no thread.  A request costs two hand-offs, to a thread and back, each a
wake-up that the kernel schedules.  A slow client holds its thread while its request is read or its
answer is taken, so N slow clients hold up everybody.  (gunicorn's gthread and cheroot work so.)
"""

import os
import queue
import select
import threading
import time
from collections import deque

from paceline.concurrency.activity import Activity, Seat
from paceline.concurrency.base import DRAIN, HEARTBEAT, Model
from paceline.conversation import Conversation
from paceline.ending import READ
from paceline.health import CheckedConversation
from paceline.service import Service
from paceline.transport import Listener

THREADS = 8  # where --threads was not given
STARVED_AFTER = 1.0  # seconds in which requests wait and no thread takes one up


class ThreadPool(Model):
    """See the module."""

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        super().__init__(listeners, service)
        self._limit = service.max_threads or THREADS
        self._seats: list[Seat] = []
        self._ready: queue.SimpleQueue[Conversation | None] = queue.SimpleQueue()
        self._returned: deque[Conversation] = deque()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._conversations: dict[int, Conversation] = {}
        self._listening = True
        self._next_look = 0.0
        self._away = 0  # conversations that a thread has, or will have
        self._progress_at = 0.0  # when nobody waited, or a thread took up the next
        self._waiter = select.poll()

    def run(self) -> None:
        """Poll until stopped and every connection is done."""
        threads = [
            threading.Thread(target=self._work, name=f"pool-{number}", daemon=True)
            for number in range(1, self._limit + 1)
        ]
        for thread in threads:
            thread.start()
        self._poll()
        for _ in threads:
            self._ready.put(None)
        for thread in threads:
            thread.join()

    def _poll(self) -> None:
        listeners = {listener.socket.fileno(): listener for listener in self.listeners}
        for descriptor in (*listeners, self._stopped, self._woken):
            self._waiter.register(descriptor, READ)
        while listeners or self._away or self._conversations:
            for descriptor, _ in self._waiter.poll((DRAIN if self.stopping else HEARTBEAT) * 1000):
                if descriptor in listeners:
                    self._welcome(listeners[descriptor])
                elif descriptor == self._woken:
                    os.read(self._woken, 4096)
                elif descriptor == self._stopped:
                    self._drain(listeners)
                else:
                    self._hand_over(descriptor)
            while self._returned:
                self._take_back(self._returned.popleft())
            self._expire_idle()
            self._listen_while_there_is_room(listeners)
            self._note_shortage()
            self.service.heartbeat()

    def _welcome(self, listener: Listener) -> None:
        conversation = self.accept(listener)
        if conversation is not None:
            self._watch(conversation)

    def _listen_while_there_is_room(self, listeners: dict[int, Listener]) -> None:
        room = len(self._conversations) + self._away < self.service.max_connections
        if room == self._listening:
            return
        self._listening = room
        for descriptor in listeners:
            self._waiter.modify(descriptor, READ if room else 0)

    def _watch(self, conversation: Conversation) -> None:
        self._conversations[conversation.fileno()] = conversation
        self._waiter.register(conversation.fileno(), READ)

    def _hand_over(self, descriptor: int) -> None:
        conversation = self._conversations.pop(descriptor)
        self._waiter.unregister(descriptor)
        conversation.ready_at = time.monotonic()
        if isinstance(conversation, CheckedConversation) and not self._preview(conversation):
            return
        self._away += 1
        self._ready.put(conversation)

    def _note_shortage(self) -> None:
        """Tell the health check if requests have waited for a thread for STARVED_AFTER."""
        now = time.monotonic()
        if self._away <= self._limit:
            self._progress_at = now
        self.service.short_of_threads = now - self._progress_at > STARVED_AFTER

    def _preview(self, conversation: CheckedConversation) -> bool:
        """Take the first step here, which answers a health check; tell if a thread is needed."""
        try:
            if conversation.preview() or conversation.interest != READ:
                return True
        except Exception:
            self.drop(conversation)
        if not conversation.closed:
            self._watch(conversation)
        return False

    def _work(self) -> None:
        seat = Seat()
        self._seats.append(seat)
        while (conversation := self._ready.get()) is not None:
            seat.conversation = conversation
            try:
                self.converse(conversation)
            finally:
                seat.conversation = None
                self._returned.append(conversation)
            try:
                os.write(self._wake, b"r")
            except BlockingIOError:
                pass  # it is awake

    def activity(self) -> Activity:
        """See the base."""
        return Activity(
            [seat.doing() for seat in list(self._seats)],
            self._limit,
            connections=len(self._conversations) + self._away,
            queue=self._ready.qsize(),
        )

    def rests(self, conversation: Conversation) -> bool:
        """Give an idle conversation back to the polling thread."""
        return conversation.idle

    def _take_back(self, conversation: Conversation) -> None:
        self._away -= 1
        self._progress_at = time.monotonic()
        if not conversation.closed:
            if self.stopping:  # its deadline may have been set before that
                conversation.deadline = min(conversation.deadline, time.monotonic() + DRAIN)
            self._watch(conversation)

    def _expire_idle(self) -> None:
        now = time.monotonic()
        if now < self._next_look and not self.stopping:
            return
        self._next_look = now + HEARTBEAT
        for descriptor, conversation in list(self._conversations.items()):
            if conversation.deadline < now:
                self._close(descriptor)

    def _drain(self, listeners: dict[int, Listener]) -> None:
        for descriptor in (*listeners, self._stopped):
            self._waiter.unregister(descriptor)
        listeners.clear()
        for conversation in self.last_connections():
            self._watch(conversation)
        for conversation in self._conversations.values():
            conversation.deadline = min(conversation.deadline, time.monotonic() + DRAIN)

    def _close(self, descriptor: int) -> None:
        self._waiter.unregister(descriptor)
        self._conversations.pop(descriptor).close()
