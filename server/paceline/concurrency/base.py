"""What the models share: accepting, serving one connection by a thread, stopping."""

import errno
import logging
import os
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from paceline.concurrency.activity import BUSY, Activity
from paceline.concurrency.descriptors import Spare
from paceline.conversation import Conversation
from paceline.ending import READ
from paceline.exchange import Exchange
from paceline.health import kind_of_conversation
from paceline.observe.observation import Crowd
from paceline.sender import Sender
from paceline.service import Service
from paceline.transport import Listener
from paceline.wsgi.environ import template

log = logging.getLogger("paceline.error")

HEARTBEAT = 1.0  # seconds between two signs of life at the most
HANDSHAKES = 0.05  # seconds for TCP handshakes to complete that had begun when it was stopped
LAST = 4096  # connections accepted at the end: as many as a backlog may hold
DRAIN = 0.5  # seconds that an idle connection has for one more request when the worker stops
COMPLAIN = 60.0  # seconds between two log lines about the same condition
NOT_OURS = {errno.EBADF, errno.ENOTSOCK}
NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Model:
    """A way to run exchanges.  ``run`` blocks; ``stop`` may be called from a signal handler."""

    multithread = True

    def __init__(self, listeners: list[Listener], service: Service) -> None:
        self.listeners = listeners
        self.service = service
        # A model in which no other thread would send what a client did not take at once has the
        # thread that sends it wait for the client.
        service.kept = Sender.make_room
        service.crowd = self._crowd
        self._conversation = kind_of_conversation(service)
        self.stopping = False
        self.tired = False
        """Whether it is to be replaced (``max_requests``); it serves on until it is stopped."""
        self._complain_after = 0.0
        self._spare = Spare()
        # The self-pipe trick: readable once stop() was called, so that every poll() returns.
        self._stopped, self._stop = os.pipe()
        os.set_blocking(self._stop, False)
        self._templates = {
            id(listener): template(
                listener.name, listener.secure, self.multithread, service.multiprocess
            )
            for listener in listeners
        }

    def run(self) -> None:
        """Serve until stopped, then finish what is in flight."""
        raise NotImplementedError

    def stop(self) -> None:
        """Accept no more, let ``run`` return when all is done.  Safe in a signal handler."""
        self.stopping = True
        self.service.draining = True
        self.service.keeps_connections = False
        self.service.keep_alive = min(self.service.keep_alive, DRAIN)
        try:
            os.write(self._stop, b"s")
        except BlockingIOError:
            pass  # it is readable already

    def close(self) -> None:
        """Close its descriptors, where the process lives on; to be called when ``run`` is over."""
        self._spare.close()
        os.close(self._stopped)
        os.close(self._stop)

    def counted(self) -> dict[str, Any]:
        """Return the counts of answered requests; empty without ``--stats``."""
        return self.service.tally.read() if self.service.tally else {}

    def activity(self) -> Activity:
        """Tell what the threads do at this moment; any thread may ask, also before ``run``."""
        raise NotImplementedError

    def _crowd(self) -> Crowd:
        activity = self.activity()
        busy = sum(doing.state == BUSY for doing in activity.threads)
        return Crowd(busy, len(activity.threads) - busy, activity.queue)

    def accept(self, listener: Listener) -> Conversation | None:
        """Return the next connection's conversation, or None where none waits."""
        try:
            connection = listener.accept()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:
                self._complain(f"Cannot accept a connection, so 503 is sent: {error.strerror}")
                if not self._spare.turn_away(listener):
                    time.sleep(0.05)  # it stays in the backlog; do not spin
            elif error.errno in NOT_OURS and not self.stopping:
                # The supervisor has the socket still, so a poll would tell of it for ever.
                log.critical("Something here has closed the socket of %s: ends", listener.address)
                self.stop()
            return None  # else the client was gone before it was accepted
        return self._conversation(connection, self._templates[id(listener)], self.service)

    def _complain(self, text: str) -> None:
        """Log a condition that lasts, but only once in COMPLAIN seconds."""
        now = time.monotonic()
        if now >= self._complain_after:
            self._complain_after = now + COMPLAIN
            log.error(text)

    def serve(self, exchange: Exchange) -> None:
        """Run an exchange."""
        service = self.service
        if service.max_requests:
            self._count()
        if service.before_request is not None:
            service.before_request(exchange)
        exchange.run(service.application, service.sendfile)
        if service.after_request is not None:
            service.after_request(exchange)

    def _count(self) -> None:
        service = self.service
        service.served += 1
        if service.served >= service.max_requests and not self.tired:
            log.info("Served %d requests; goes on until another can", service.served)
            self.tired = True

    def converse(self, conversation: Conversation) -> None:
        """Serve one connection until it is closed, waiting for its client."""
        try:
            exchange = conversation.step()
            while not conversation.closed:
                if exchange is not None:
                    self.serve(exchange)
                    exchange = conversation.finish()
                elif self.rests(conversation):
                    return
                elif self._wait(conversation):
                    exchange = conversation.step()
                else:
                    conversation.expire()
        except Exception:
            self.drop(conversation)

    def rests(self, conversation: Conversation) -> bool:
        """Tell whether another thread waits for the next request; by default none does."""
        return False

    def drop(self, conversation: Conversation) -> None:
        """Close a conversation after an error of this server's own; the others go on."""
        log.exception("A connection is closed because of an error of the server")
        conversation.close()

    def ready_listeners(self) -> Iterator[Listener]:
        """Yield a listener whenever somebody has connected; beat once a second; end when stopped.

        For models whose main thread does nothing but accept.
        """
        waiter = select.poll()
        waiter.register(self._stopped, READ)
        listeners = {listener.socket.fileno(): listener for listener in self.listeners}
        for descriptor in listeners:
            waiter.register(descriptor, READ)
        while not self.stopping:
            for descriptor, _ in waiter.poll(HEARTBEAT * 1000):
                if descriptor in listeners:
                    yield listeners[descriptor]
            self.service.heartbeat()  # also once after stop(), which tells the supervisor of that

    def last_connections(self) -> Iterator[Conversation]:
        """Accept what has connected until now, then close the listeners."""
        # Lists: accepted before the first of them is served, since other workers may listen on and
        # more would connect meanwhile.
        yield from list(self.accept_backlog())
        time.sleep(HANDSHAKES)
        last = list(self.accept_backlog())
        self.close_listeners()
        yield from last

    def close_listeners(self) -> None:
        """Listen no more, even where the application has closed a socket of the server's."""
        for listener in self.listeners:
            with suppress(OSError):
                listener.close()

    def accept_backlog(self) -> Iterator[Conversation]:
        """Accept all that wait in the listeners' backlogs."""
        for listener in self.listeners:
            for _ in range(LAST):
                if (conversation := self.accept(listener)) is None:
                    break
                yield conversation

    def _wait(self, conversation: Conversation) -> bool:
        """Wait until the conversation can go on; False at its deadline, or when stopped."""
        waiter = select.poll()
        waiter.register(conversation.fileno(), conversation.interest)
        if conversation.idle:
            waiter.register(self._stopped, READ)
        while (left := conversation.deadline - time.monotonic()) > 0:
            ready = dict(waiter.poll(min(left, HEARTBEAT) * 1000))
            if conversation.fileno() in ready:
                conversation.ready_at = time.monotonic()
                return True
            if ready:  # stopped: an idle client has a moment left for one more request
                waiter.unregister(self._stopped)
                conversation.deadline = min(conversation.deadline, time.monotonic() + DRAIN)
            self.service.beat()
        return False
