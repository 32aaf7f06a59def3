"""The connections of the adaptive model, and which of them its poller looks at.

The registration with the poller stays while a conversation is owned, which saves a system call a
request.  Should bytes come meanwhile, the leader takes the registration away and the rider renews
it, both under a lock that a common request never takes.  Each sets its own flag before it looks at
the other's, so one of them always sees.
"""

import contextlib
import threading

from paceline.concurrency.poller import Poller
from paceline.conversation import Conversation
from paceline.ending import WRITE, Ending
from paceline.sender import Sender


class Watch:
    """All conversations by their descriptors; for the leader and the riders at once."""

    def __init__(self, poller: Poller) -> None:
        self.conversations: dict[int, Conversation] = {}
        self._poller = poller
        self._lock = threading.Lock()

    def take_in(self, conversation: Conversation) -> None:
        """Begin with a new one."""
        with self._lock:
            self.conversations[conversation.fileno()] = conversation
            self._arm(conversation)

    def renew(self, conversation: Conversation) -> None:
        """Hear of one that was let go what it waits for now."""
        with self._lock:
            self._arm(conversation)

    def _arm(self, conversation: Conversation) -> None:
        """Hear of a free conversation what it waits for; the lock is held."""
        interest = conversation.interest
        if conversation.owned or conversation.closed or conversation.armed == interest:
            return  # the leader came to it first, or gave it to another rider
        self._register(conversation, interest)

    def _register(self, conversation: Conversation, mask: int) -> None:
        if conversation.armed:
            self._poller.modify(conversation.fileno(), mask)
        else:
            self._poller.register(conversation.fileno(), mask)
        conversation.armed = mask

    def hear_of(self, sender: Sender) -> None:
        """Hear when the client of a busy rider can take more of what it was sent."""
        assert isinstance(sender, Conversation)
        with self._lock:
            if not sender.closed and sender.armed != WRITE:
                self._register(sender, WRITE)

    def meanwhile(self, conversation: Conversation, descriptor: int) -> None:
        """Attend to a conversation whose rider is busy: send on, or hear nothing of it."""
        if conversation.armed != WRITE or not conversation.send_on():
            self._mute(conversation, descriptor)

    def _mute(self, conversation: Conversation, descriptor: int) -> None:
        """Hear nothing of a conversation as long as its rider has it."""
        with self._lock:
            if conversation.closed or not conversation.armed:
                return
            if conversation.armed == WRITE and conversation.keeps:
                return  # its rider has sent more, just now
            self._poller.unregister(descriptor)
            conversation.armed = 0
            self._arm(conversation)  # its rider may have let it go in this moment

    def forget(self, conversation: Ending) -> None:
        """Before a conversation closes: afterwards its descriptor may be another's."""
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
