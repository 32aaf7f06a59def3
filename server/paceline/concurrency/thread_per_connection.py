"""A thread for each connection: nobody waits for anybody, and each connection costs a thread.

    accept ─▶ thread ─▶ read ─▶ application ─▶ write ─▶ read ─▶ …   until the client closes
           ─▶ thread ─▶ …

An idle connection holds its thread, so ``--worker-connections`` bounds them; past it, connections
wait in the listen backlog.
"""

import select
import threading

from paceline.concurrency.activity import BUSY, IDLE, Activity, Doing
from paceline.concurrency.base import HEARTBEAT, Model, log
from paceline.conversation import Conversation
from paceline.ending import READ
from paceline.service import Service
from paceline.transport import Listener


class ThreadPerConnection(Model):
    """See the module."""

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        super().__init__(listeners, service)
        self._limit = service.max_threads or service.max_connections
        self._threads: dict[threading.Thread, Conversation] = {}

    def run(self) -> None:
        """Accept until stopped, then wait for the threads."""
        room = threading.Semaphore(self._limit)
        threads = self._threads

        def converse(conversation: Conversation) -> None:
            try:
                self.converse(conversation)
            finally:
                threads.pop(threading.current_thread(), None)
                room.release()

        def begin(conversation: Conversation) -> None:
            thread = threading.Thread(target=converse, args=(conversation,), daemon=True)
            threads[thread] = conversation
            try:
                thread.start()
            except RuntimeError as error:  # a limit of the system, such as a container's
                log.error("No thread for a connection: %s", error)
                threads.pop(thread, None)
                conversation.close()
                room.release()

        waiter = select.poll()
        waiter.register(self._stopped, READ)
        listeners = {listener.socket.fileno(): listener for listener in self.listeners}
        for descriptor in listeners:
            waiter.register(descriptor, READ)
        while not self.stopping:
            self.service.heartbeat()
            for descriptor, _ in waiter.poll(HEARTBEAT * 1000):
                if descriptor not in listeners or not room.acquire(timeout=HEARTBEAT):
                    continue
                conversation = self.accept(listeners[descriptor])
                if conversation is None:
                    room.release()
                    continue
                begin(conversation)
        for conversation in self.last_connections():
            if room.acquire(timeout=HEARTBEAT):
                begin(conversation)
            else:
                conversation.close()
        while left := list(threads):
            self.service.heartbeat()
            left[0].join(HEARTBEAT)

    def activity(self) -> Activity:
        """See the base.  A thread whose client asks for nothing is idle, though it is held."""
        threads = [_doing(*each) for each in list(self._threads.items())]
        return Activity(threads, self._limit, connections=len(threads))


def _doing(thread: threading.Thread, conversation: Conversation) -> Doing:
    idle = conversation.idle and conversation.exchange is None
    return Doing(thread.name, thread.native_id, IDLE if idle else BUSY, conversation)
