"""The health path: answered by the server itself, ahead of all requests that wait for a thread.

Taken in place of the other conversations where ``health_path`` is set, so that others pay nothing.
The poller of a model steps such a conversation itself: a check is answered there and then, and a
request of another path is held for the thread that will serve it.
"""

from paceline.conversation import Conversation
from paceline.errors import Disconnected
from paceline.exchange import Exchange
from paceline.observed import ObservedConversation
from paceline.service import Service

FIELDS = [("Content-Type", "text/plain"), ("Cache-Control", "no-store")]


class CheckedConversation(Conversation):
    """Answers 200 while requests can be taken up, and 503 while they cannot."""

    _answering = False

    def _take(self, data: bytes) -> Exchange | None:
        exchange = super()._take(data)
        if self._answering:
            return exchange  # to the loop below: hundreds of checks may have come at once
        self._answering = True
        while exchange is not None and exchange.request.path == self.service.health_path:
            exchange = self._check(exchange)
        self._answering = False
        return exchange

    def _check(self, exchange: Exchange) -> Exchange | None:
        """Answer, and go on to what came behind it."""
        if exchange.body is not None:
            exchange.body.close()
        trouble = _trouble(self.service)
        exchange.start_response("503 Service Unavailable" if trouble else "200 OK", [*FIELDS])
        try:
            exchange.send_whole(f"{trouble or 'ok'}\n".encode())
        except Disconnected:
            exchange.keep = False
        return self.finish()

    def preview(self) -> bool:
        """Take a step; tell whether a whole request is there, which the next step returns again."""
        if self.step() is None:
            return False
        self.hold()
        return True


class CheckedAndObservedConversation(CheckedConversation, ObservedConversation):
    """Both."""

    __slots__ = ()


def _trouble(service: Service) -> str:
    if service.draining:
        return "draining"
    return "no thread can be had" if service.short_of_threads else ""


def kind_of_conversation(service: Service) -> type[Conversation]:
    """Return what a connection is served by."""
    if service.health_path:
        return CheckedAndObservedConversation if service.observer else CheckedConversation
    return ObservedConversation if service.observer else Conversation
