"""The connections of the adaptive model, and what its poller watches each of them for.

A conversation stays registered with the poller while a rider owns it, which saves a system call
for each request.  Should bytes arrive meanwhile, the poller, which is level-triggered, would report
them again and again; so the leader unregisters it, and the rider registers it anew when it lets go.
Both happen under a lock that a common request never takes.  They cannot miss each other: each
writes its own flag (the leader ``armed``, the rider ``owned``) before it reads the other's.
"""

import contextlib
import threading

from paceline.concurrency.poller import Poller
from paceline.conversation import Conversation
from paceline.ending import WRITE, Ending
from paceline.sender import Sender


class Watch:
    """All conversations by their descriptors; called by the leader and by riders."""

    def __init__(self, poller: Poller) -> None:
        self.conversations: dict[int, Conversation] = {}
        self._poller = poller
        self._lock = threading.Lock()

    def add(self, conversation: Conversation) -> None:
        """Register a new connection."""
        with self._lock:
            self.conversations[conversation.fileno()] = conversation
            self._arm(conversation)

    def rearm(self, conversation: Conversation) -> None:
        """Register a conversation, which its rider has just let go, for what it waits for now."""
        with self._lock:
            self._arm(conversation)

    def _arm(self, conversation: Conversation) -> None:
        """Have the poller watch for the conversation's ``interest``; the lock is held."""
        interest = conversation.interest
        if conversation.owned or conversation.closed or conversation.armed == interest:
            return  # somebody owns it again, or it is watched for that already
        self._register(conversation, interest)

    def _register(self, conversation: Conversation, mask: int) -> None:
        if conversation.armed:
            self._poller.modify(conversation.fileno(), mask)
        else:
            self._poller.register(conversation.fileno(), mask)
        conversation.armed = mask

    def watch_writable(self, sender: Sender) -> None:
        """Have the leader send on what the client did not take, while its rider is busy."""
        assert isinstance(sender, Conversation)
        with self._lock:
            if not sender.closed and sender.armed != WRITE:
                self._register(sender, WRITE)

    def on_owned_event(self, conversation: Conversation, descriptor: int) -> None:
        """React, as the leader, to an event on a conversation whose rider is busy.

        Send on, if it is about that; else do not be told of it again.
        """
        if conversation.armed != WRITE or not conversation.send_on():
            self._mute(conversation, descriptor)

    def _mute(self, conversation: Conversation, descriptor: int) -> None:
        """Unregister a conversation for as long as its rider owns it."""
        with self._lock:
            if conversation.closed or not conversation.armed:
                return
            if conversation.armed == WRITE and conversation.keeps:
                return  # its rider has just left more to send
            self._poller.unregister(descriptor)
            conversation.armed = 0
            self._arm(conversation)  # its rider may have let go of it just before ``armed`` was set

    def remove(self, conversation: Ending) -> None:
        """Unregister a conversation before it closes: then its number may be another's."""
        with self._lock:
            descriptor = conversation.fileno()
            if self.conversations.get(descriptor) is not conversation:
                return
            del self.conversations[descriptor]
            if conversation.armed:
                # A failed TLS handshake has closed the socket already, and so unregistered it.
                with contextlib.suppress(OSError):
                    self._poller.unregister(descriptor)
                conversation.armed = 0
