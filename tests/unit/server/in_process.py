"""A model of concurrency inside this process, and an application that it serves by default."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from wsgiref.types import StartResponse, WSGIEnvironment

from paceline.concurrency import MODELS, Model
from paceline.service import Service
from paceline.transport import listen

from tests.contract.behaviour.client import Client

PATIENCE = 20.0  # seconds; reached only where something hangs
SIZE = 3_000_000

gate = threading.Event()  # for which /wait waits


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/wait":
        gate.wait(PATIENCE)
    if environ["PATH_INFO"] == "/large":
        return [b"x" * SIZE]
    return [environ["wsgi.input"].read() or b"hello"]


class Running:
    """A model that serves."""

    def __init__(self, model: Model, address: tuple[str, int]) -> None:
        self.model = model
        self._address = address
        self.beats = 0
        self.ended = False

    def connect(self) -> Client:
        return Client(socket.create_connection(self._address, timeout=PATIENCE))


@contextmanager
def running(name: str, **options: object) -> Iterator[Running]:
    """Run a model in a thread; at the end it must have stopped by itself."""
    listener = listen("127.0.0.1:0")
    host, port = listener.name
    service = Service(**{"application": application, **options})  # type: ignore[arg-type]
    model = MODELS[name]([listener], service)
    started = Running(model, (host, int(port)))

    def beat() -> None:
        started.beats += 1

    def run() -> None:
        model.run()
        started.ended = True

    service.heartbeat = beat
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield started
    finally:
        model.stop()
        thread.join(PATIENCE)
        assert started.ended, "it did not stop" if thread.is_alive() else "it failed"
        listener.close()
