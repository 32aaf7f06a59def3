"""A thread for each connection: nobody waits for anybody, and each connection costs a thread.

    accept ─▶ thread ─▶ read ─▶ application ─▶ write ─▶ read ─▶ …   until the client closes
           ─▶ thread ─▶ …

An idle connection holds its thread, so ``--worker-connections`` bounds them; past it, connections
wait in the listen backlog.
"""

import threading

from paceline.concurrency.activity import BUSY, IDLE, Activity, Doing
from paceline.concurrency.base import HEARTBEAT, Model, log
from paceline.conversation import Conversation
from paceline.service import Service
from paceline.transport import Listener


class ThreadPerConnection(Model):
    """See the module."""

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        super().__init__(listeners, service)
        self._limit = service.max_threads or service.max_connections
        self._threads: dict[threading.Thread, Conversation] = {}
        self._room = threading.Semaphore(self._limit)  # one is taken for each connection

    def run(self) -> None:
        """Accept until stopped, then wait for the threads."""
        for listener in self.ready_listeners():
            if not self._room.acquire(timeout=HEARTBEAT):
                continue
            conversation = self.accept(listener)
            if conversation is None:
                self._room.release()
            else:
                self._start_thread(conversation)
        for conversation in self.last_connections():
            if self._room.acquire(timeout=HEARTBEAT):
                self._start_thread(conversation)
            else:
                conversation.close()
        while left := list(self._threads):
            self.service.heartbeat()
            left[0].join(HEARTBEAT)

    def _start_thread(self, conversation: Conversation) -> None:
        thread = threading.Thread(target=self._serve, args=(conversation,), daemon=True)
        self._threads[thread] = conversation
        try:
            thread.start()
        except RuntimeError as error:  # a limit of the system, such as a container's
            log.error("No thread for a connection: %s", error)
            self._threads.pop(thread, None)
            conversation.close()
            self._room.release()

    def _serve(self, conversation: Conversation) -> None:
        """Serve one connection to its end; the life of a thread."""
        try:
            self.converse(conversation)
        finally:
            self._threads.pop(threading.current_thread(), None)
            self._room.release()

    def activity(self) -> Activity:
        """See the base.  A thread whose client asks for nothing is idle, though it is held."""
        threads = [_doing(*each) for each in list(self._threads.items())]
        return Activity(threads, self._limit, connections=len(threads))


def _doing(thread: threading.Thread, conversation: Conversation) -> Doing:
    idle = conversation.idle and conversation.exchange is None
    return Doing(thread.name, thread.native_id, IDLE if idle else BUSY, conversation)
