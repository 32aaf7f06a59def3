"""The thread of a worker that answers its supervisor's questions for ``--stats``."""

import json
import logging
import socket
import threading
import time
from typing import Any

from paceline.concurrency.activity import Doing
from paceline.http.request import RequestHead
from paceline.process.worker import Model

LONGEST = 200
"""Characters of a request that are shown."""

log = logging.getLogger("paceline.error")


class Teller:
    """Answers until the supervisor closes its end."""

    def __init__(self, end: socket.socket, model: Model) -> None:
        self._end = end
        self._model = model

    def start(self) -> None:
        """Begin; a worker that cannot have the thread serves without it."""
        try:
            threading.Thread(target=self._run, name="teller", daemon=True).start()
        except RuntimeError as error:  # a limit of the system, such as a container's
            log.error("No thread for --stats: %s", error)

    def _run(self) -> None:
        rest = b""
        while True:
            try:
                data = self._end.recv(4096)
                *numbers, rest = (rest + data).split(b"\n")
                if numbers:  # answers to the earlier ones came too late: nobody waits for them
                    self._answer(int(numbers[-1]))
            except OSError:
                return  # the supervisor is gone
            except Exception:
                log.exception("--stats: what this worker does could not be told")
            if not data:
                return

    def _answer(self, number: int) -> None:
        answer = {"question": number, "gil_wait": gil_wait(), **describe(self._model)}
        self._end.sendall(json.dumps(answer).encode() + b"\n")


def gil_wait() -> float:
    """Let go of the GIL, and return the seconds until it could be had again."""
    began = time.monotonic()
    time.sleep(0)
    return round(time.monotonic() - began, 6)


def describe(model: Model) -> dict[str, Any]:
    """What a model does now.  Each step is short: those that serve want the GIL."""
    activity = model.activity()
    now = time.monotonic()
    return {
        **model.counted(),
        "connections": activity.connections,
        "queue": activity.queue,
        "thread_limit": activity.limit,
        "threads": [_thread(doing, now) for doing in activity.threads],
    }


def _thread(doing: Doing, now: float) -> dict[str, Any]:
    conversation, exchange = doing.conversation, doing.exchange
    return {
        "name": doing.name,
        "native_id": doing.native_id,
        "state": doing.state,
        "request": _request(exchange.request) if exchange else None,
        "seconds": round(now - conversation.ready_at, 6) if conversation and exchange else None,
        "connection": conversation.fileno() if conversation else None,
    }


def _request(request: RequestHead) -> str:
    """Method and path; a query may hold what is nobody's business."""
    return f"{request.method} {request.path or '*'}"[:LONGEST]
