"""A thread for each connection: nobody waits for anybody, and each connection costs a thread.

    accept ─▶ thread ─▶ read ─▶ application ─▶ write ─▶ read ─▶ …   until the client closes
           ─▶ thread ─▶ …

An idle connection holds its thread, so ``--worker-connections`` bounds them; past it, connections
wait in the listen backlog.
"""

import select
import threading

from paceline.concurrency.base import HEARTBEAT, Model, log
from paceline.conversation import READ, Conversation
from paceline.observe.observation import Crowd


class ThreadPerConnection(Model):
    """See the module."""

    def run(self) -> None:
        """Accept until stopped, then wait for the threads."""
        room = threading.Semaphore(self.service.max_threads or self.service.max_connections)
        threads: set[threading.Thread] = set()
        self.service.crowd = lambda: Crowd(len(threads), 0, 0)

        def converse(conversation: Conversation) -> None:
            try:
                self.converse(conversation)
            finally:
                threads.discard(threading.current_thread())
                room.release()

        def begin(conversation: Conversation) -> None:
            thread = threading.Thread(target=converse, args=(conversation,), daemon=True)
            threads.add(thread)
            try:
                thread.start()
            except RuntimeError as error:  # a limit of the system, such as a container's
                log.error("No thread for a connection: %s", error)
                threads.discard(thread)
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
