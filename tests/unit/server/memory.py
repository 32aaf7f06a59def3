"""A connection of scripted bytes, and a client that talks over it: no socket, no waiting."""

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication

from paceline.conversation import Conversation
from paceline.ending import WRITE
from paceline.exchange import Exchange
from paceline.observed import ObservedConversation
from paceline.service import Service
from paceline.transport import Connection
from paceline.wsgi.environ import template

UNLIMITED = 1 << 60
PEER = ("192.0.2.1", "50000")
BASE = template(("server.example", "8000"), False, True, False)


class NoSocket:
    """What has no descriptor: to wait for it, or to poll it, is an error of the system's."""

    def fileno(self) -> int:
        return -1


class MemoryConnection(Connection):
    """What arrives is what was put into ``arrivals``; what is sent gathers in ``sent``."""

    __slots__ = ("arrivals", "closed", "ended", "failure", "reset", "room", "sent", "write_ended")

    def __init__(self, arrivals: Iterable[bytes] = (), peer: tuple[str, str] = PEER) -> None:
        self.socket: Any = NoSocket()
        self.peer = peer
        self.receive = self._receive
        self.send = self._send
        self.arrivals = deque(each for each in arrivals if each)
        self.ended = False  # whether the client ends the connection behind what arrives
        self.room = UNLIMITED  # bytes that the client takes for now
        self.failure: OSError | None = None  # of the next call
        self.sent = b""
        self.write_ended = self.closed = self.reset = False

    def _receive(self, count: int) -> bytes:
        self._check()
        if self.arrivals:
            data = self.arrivals.popleft()
            if len(data) > count:
                self.arrivals.appendleft(data[count:])
            return data[:count]
        if self.ended:
            return b""
        raise BlockingIOError

    def _send(self, data: bytes | memoryview) -> int:
        self._check()
        assert not self.write_ended, "sent behind the end"
        if not self.room:
            raise BlockingIOError
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sent += taken
        return len(taken)

    def _check(self) -> None:
        assert not self.closed, "used after it was closed"
        if self.failure is not None:
            raise self.failure

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        data = os.pread(descriptor, count, offset)
        return self._send(data) if data else 0

    def shutdown_write(self) -> None:
        self.write_ended = True

    def reset_on_close(self) -> None:
        self.reset = True

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


@dataclass
class Talk:
    """One client's connection to an application."""

    connection: MemoryConnection
    conversation: Conversation
    service: Service
    exchanges: list[Exchange]

    def go_on(self) -> None:
        """Do what can be done with what has arrived and with the room there is."""
        conversation, connection = self.conversation, self.connection
        while not conversation.closed:
            waits_to_write = conversation.interest == WRITE
            if not (connection.room if waits_to_write else connection.arrivals or connection.ended):
                return
            exchange = conversation.step()
            while exchange is not None:
                self.exchanges.append(exchange)
                exchange.run(self.service.application, self.service.sendfile)
                exchange = conversation.finish()

    def say(self, *pieces: bytes) -> bytes:
        """Send pieces, each as an arrival of its own; return all that came back so far."""
        self.connection.arrivals.extend(piece for piece in pieces if piece)
        self.go_on()
        return self.connection.sent

    def end(self) -> bytes:
        """End the client's side; return all that came back."""
        self.connection.ended = True
        self.go_on()
        return self.connection.sent

    def expire(self) -> None:
        """Let its time be up, as a model does."""
        self.conversation.expire()
        self.go_on()


def connect(application: WSGIApplication, **options: Any) -> Talk:
    """Connect to ``application``; ``options`` are those of Service.

    An answer is held without bound, as in the adaptive model, unless ``hold`` says otherwise.
    """
    options.setdefault("hold", UNLIMITED)
    service = Service(application, **options)
    connection = MemoryConnection()
    kind = Conversation if service.observer is None else ObservedConversation
    return Talk(connection, kind(connection, BASE, service), service, [])


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]
