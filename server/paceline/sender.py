"""Sending to one client that may be slow: what it does not take at once is kept, up to a bound.

Past the bound the application's thread waits.  An answer never has a gap: once something could not
be sent, everything after it is refused with Disconnected.
"""

import select
import time

from paceline.errors import Disconnected
from paceline.outgoing import FilePart, Outgoing
from paceline.service import Service
from paceline.transport import Connection

SHORT = 2.0  # seconds that a client may keep a thread waiting while others wait for one


class Sender:
    """One connection's way out; the ``Sink`` of its answers."""

    __slots__ = ("_lost", "_outgoing", "connection", "service")

    def __init__(self, connection: Connection, service: Service) -> None:
        self.connection = connection
        self.service = service
        self._lost = False  # whether part of an answer could not be sent
        self._outgoing: Outgoing | None = None  # kept only as long as there is something in it

    def send(self, data: bytes) -> None:
        """Send, or keep for when the client takes it; wait where too much is kept already.

        Raises Disconnected.
        """
        if self._outgoing is not None or self._lost:
            self.make_room()
            if self._keep(data):
                return
        try:
            sent = self.connection.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lose_client()
            raise Disconnected(str(error)) from None
        if sent < len(data):
            self._begin_to_keep(memoryview(data)[sent:])
            self.service.kept(self)

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send part of a file as ``send`` does; it takes no memory, so it never waits for room."""
        if not count:
            return
        self._refuse_if_lost()
        part = FilePart(descriptor, offset, count)
        if not self._keep(part):
            self._begin_to_keep(part)
        self._send_some()

    @property
    def keeps(self) -> bool:
        """Tell whether something waits for the client to take it."""
        return self._outgoing is not None

    def send_on(self) -> bool:
        """Send what the client takes by now of what is kept; tell whether any is left.

        For one thread (the leader) beside the owner, which is busy with the application.
        """
        try:
            self._send_some()
        except Disconnected:
            pass  # the owner will learn of it when it sends again
        return self._outgoing is not None

    def make_room(self) -> None:
        """Wait until no more is kept than ``hold`` allows.  Raises Disconnected."""
        self._refuse_if_lost()
        hold = self.service.hold
        self._send_some()
        while (outgoing := self._outgoing) is not None and outgoing.held > hold:
            self._wait_writable(outgoing)
            self._send_some()

    def _keep(self, part: bytes | FilePart) -> bool:
        """Append to what is kept; False if nothing is: another thread may have sent all of it."""
        outgoing = self._outgoing
        if outgoing is not None:
            with outgoing.lock:
                if outgoing:
                    outgoing.add(part)
                    return True
        self._refuse_if_lost()
        return False

    def _begin_to_keep(self, part: memoryview | FilePart) -> None:
        outgoing = Outgoing(self.connection)
        outgoing.add(part)
        self._outgoing = outgoing

    def _wait_writable(self, outgoing: Outgoing) -> None:
        """Wait until the client takes something.  Raises Disconnected when its time is up."""
        service = self.service
        began = time.monotonic()
        waiter = select.poll()
        waiter.register(self.connection.socket, select.POLLOUT)
        while True:
            now = time.monotonic()
            give_up = self.patience(outgoing, began)
            if service.short_of_threads:
                give_up = min(give_up, began + SHORT)
            if now >= give_up:
                self._lose_client()
                raise Disconnected(f"The client took too little within {now - began:.3g} s.")
            if waiter.poll(min(give_up - now, 1.0) * 1000):
                return
            service.beat()

    def patience(self, outgoing: Outgoing, took: float) -> float:
        """Return when to give the client up, if it took something at ``took`` for the last time.

        It may take nothing for ``timeouts.send`` seconds, and must not be slower on the whole than
        the least rate that ``limits`` ask for.
        """
        service = self.service
        at_least = service.limits.at_least(outgoing.began, outgoing.sent)
        return service.timeouts.send + min(took, at_least)

    def _send_some(self) -> bool:
        """Send what the client takes of what is kept; tell if it took any.  Raises Disconnected."""
        outgoing = self._outgoing
        if outgoing is None:
            return False
        try:
            with outgoing.lock:
                progress = outgoing.send_some()
                if not outgoing and self._outgoing is outgoing:
                    self._outgoing = None
        except OSError as error:
            self._lose_client()
            raise Disconnected(str(error)) from None
        return progress

    def _refuse_if_lost(self) -> None:
        """Raise Disconnected again, in case the application caught it and sends on."""
        if self._lost:
            raise Disconnected("The client is gone.")

    def _lose_client(self) -> None:
        """Give up sending, for good, and forget what was kept."""
        self._lost = True
        outgoing, self._outgoing = self._outgoing, None
        if outgoing is not None:
            with outgoing.lock:
                outgoing.discard()
