"""Who goes first in the adaptive model, over real sockets: nobody is long behind what takes much.

There is one thread, and the monitor hardly ever looks, so that what is tested is the thread's own
doing.  The application says what it served; it is held up until the bytes of others have arrived.
"""

import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import cast
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from paceline.concurrency import monitor
from paceline.concurrency.adaptive import STALE, Adaptive
from paceline.concurrency.turns import PATIENCE, Turns
from paceline.conversation import BULKY, Conversation
from paceline.limits import Limits
from paceline.wsgi.disk import PIECE, Disk
from paceline.wsgi.input import BodyStore

from tests.contract.behaviour.client import Client, get, post
from tests.contract.behaviour.serving import eventually
from tests.unit.server.in_process import PATIENCE as TIME
from tests.unit.server.in_process import Running, running

BODY = b"x" * (4 * BULKY)


class Gate:
    """Where the thread is held up once."""

    def __init__(self) -> None:
        self._held, self._go = threading.Event(), threading.Event()

    def hold(self) -> None:
        """Keep the thread until it is let go, and for long enough to make it look out."""
        self._held.set()
        assert self._go.wait(TIME)
        time.sleep(2 * STALE)

    def wait(self) -> None:
        """Return once the thread is held up."""
        assert self._held.wait(TIME)

    def open(self) -> None:
        self._go.set()


class Lane:
    """A server with one thread, and what it served."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.gate = Gate()
        self.server: Running

    def application(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix("/")
        self.served.append(path)
        if path == "hold":
            self.gate.hold()
        start_response("200 OK", [])
        return [path.encode()]

    def known(self) -> Client:
        """A client whose connection the server has."""
        client = self.server.connect()
        assert client.get("/hello").body == b"hello"
        self.served.clear()
        return client

    def conversation(self, client: Client) -> Conversation:
        _, port = client.sock.getsockname()
        model = self.server.model
        assert isinstance(model, Adaptive)
        there = list(model._watch.conversations.values())
        (found,) = [each for each in there if each.connection.peer[1] == str(port)]
        return found

    def arrived(self, client: Client) -> None:
        """Return once the server could read what the client has sent."""
        assert select.select([self.conversation(client).fileno()], [], [], TIME)[0]

    def begin_body(self, path: str) -> Client:
        """A client in the midst of a large body, of which nothing is left to read."""
        client = self.known()
        client.send(post(f"/{path}", BODY)[: -2 * BULKY])
        conversation = self.conversation(client)
        eventually(lambda: conversation.bulky and not conversation.owned, "that it is known")
        return client

    def drip(self, *pieces: bytes) -> Client:
        """A client that has sent these pieces of a message, each when the one before was read."""
        client = self.known()
        conversation = self.conversation(client)
        for number, piece in enumerate(pieces):
            client.send(piece)
            read = (lambda: conversation.bulky) if number else (lambda: not conversation.idle)
            eventually(lambda read=read: read() and not conversation.owned, "that it is read")
        return client

    def let_go(self, *clients: Client) -> None:
        """Go on, until the clients are answered."""
        self.gate.open()
        for client in clients:
            client.answer()
            client.close()


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
    monkeypatch.setattr(monitor, "TICK", 0.5)
    monkeypatch.setattr(monitor, "CALM_TICK", 0.5)
    made = Lane()
    limits = Limits(body_in_memory=PIECE)
    options = {"application": made.application, "max_threads": 1, "limits": limits}
    with running("adaptive", **options) as made.server:
        yield made


def test_between_two_requests_that_came_along_goes_who_has_come_meanwhile(lane: Lane) -> None:
    many, one = lane.known(), lane.known()
    many.send(get("/hold") + get("/second") + get("/third"))
    lane.gate.wait()
    one.send(get("/one"))
    lane.arrived(one)
    lane.let_go(many, one)
    assert lane.served[:2] == ["hold", "one"]


def test_who_has_just_connected_too(lane: Lane) -> None:
    many = lane.known()
    many.send(get("/hold") + get("/second") + get("/third"))
    lane.gate.wait()
    new = lane.server.connect()
    new.send(get("/new"))
    (listener,) = lane.server.model.listeners
    assert select.select([listener.socket], [], [], TIME)[0]
    lane.let_go(many, new)
    assert lane.served[:2] == ["hold", "new"]


def test_a_request_goes_before_bodies_that_came_before_it(lane: Lane) -> None:
    senders = [lane.begin_body(f"body{number}") for number in range(4)]
    holder, one = lane.known(), lane.known()
    holder.send(get("/hold"))
    lane.gate.wait()
    for sender in senders:
        sender.send(BODY[: 2 * BULKY])
        lane.arrived(sender)
    one.send(get("/one"))
    lane.arrived(one)
    lane.let_go(holder, one, *senders)
    assert lane.served[:2] == ["hold", "one"]
    assert sorted(lane.served[2:]) == ["body0", "body1", "body2", "body3"]


@pytest.mark.parametrize("message", [get("/slow"), post("/slow", b"x" * 30)])
def test_a_request_goes_before_those_that_come_by_and_by(lane: Lane, message: bytes) -> None:
    *begun, rest = message[:-20], message[-20:-10], message[-10:]
    slow = [lane.drip(*begun) for _ in range(2)]
    holder, one = lane.known(), lane.known()
    holder.send(get("/hold"))
    lane.gate.wait()
    for client in slow:
        client.send(rest)
        lane.arrived(client)
    one.send(get("/one"))
    lane.arrived(one)
    lane.let_go(holder, one, *slow)
    assert lane.served == ["hold", "one", "slow", "slow"]


def test_a_request_waits_for_a_piece_of_one_body_at_the_most(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders = [lane.begin_body(f"body{number}") for number in range(4)]
    holder, one = lane.known(), lane.known()
    holder.send(get("/hold"))
    lane.gate.wait()
    for sender in senders:
        sender.send(BODY[:BULKY])
        lane.arrived(sender)
    write, queued, gate = BodyStore.write, lane.gate, Gate()

    def hold(store: BodyStore, content: bytes) -> None:
        lane.served.append("piece")
        if lane.served.count("piece") == 1:
            gate.hold()
        write(store, content)

    monkeypatch.setattr(BodyStore, "write", hold)
    lane.gate = gate
    queued.open()
    gate.wait()  # all four bodies are in the line, and the first has its turn
    one.send(get("/one"))
    lane.arrived(one)
    lane.let_go(holder, one)
    assert lane.served[:3] == ["hold", "piece", "one"]
    for sender in senders:
        sender.send(BODY[:BULKY])
    lane.let_go(*senders)


def test_a_request_waits_for_a_piece_of_a_large_file_to_be_freed(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, one = lane.known(), lane.known()
    free_piece: Callable[[Disk], bool] = Disk.free_piece

    def hold(disk: Disk) -> bool:
        lane.served.append("piece")
        if lane.served.count("piece") == 1:
            lane.gate.hold()
        return free_piece(disk)

    monkeypatch.setattr(Disk, "free_piece", hold)
    sender.send(post("/file", b"x" * (5 * PIECE)))
    lane.gate.wait()
    one.send(get("/one"))
    lane.arrived(one)
    lane.let_go(sender, one)
    disk = lane.server.model.service.disk
    eventually(lambda: not disk.leftovers and not disk.used, "the end of the file")
    assert lane.served[:2] == ["file", "piece"]
    assert "piece" in lane.served[lane.served.index("one") :]


def test_nobody_gives_way_for_ever() -> None:
    turns = Turns()
    waiting = [cast(Conversation, SimpleNamespace(ready_at=at)) for at in (1.0, 1.001, 2.0)]
    turns.later.extend(waiting)
    turns.promote_overdue(1.0 + PATIENCE / 2)
    assert not turns.ready
    turns.promote_overdue(1.002 + PATIENCE)
    assert list(turns.ready) == waiting[:2]
    assert turns.promote_one()
    assert list(turns.ready) == waiting
    assert not turns.promote_one()
    assert len(turns) == 3
