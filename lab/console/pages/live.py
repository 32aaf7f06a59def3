"""What the servers do now: asks each one that tells (``paceline --stats``) over its socket."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.tracing.answer import Answer, BadAnswer

PATIENCE = 2.0
"""Seconds until a server that does not answer is given up."""
LARGEST = 4 << 20
"""Bytes of an answer."""
GREATEST = 1 << 53
"""Of a number that is believed."""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
SPAN = 5.0
"""Seconds over which requests a second are counted."""
LEAST = 0.5


class Unanswered(Exception):
    """A server's socket is there, but no answer; the message says why."""


def sockets(folder: Path) -> list[Path]:
    """Where servers tell, if any do."""
    return sorted(folder.glob("stats-*.sock"))


def ask(path: Path) -> dict[str, Any]:
    """What one server says.  Blocks for PATIENCE at most; raises Unanswered."""
    deadline = time.monotonic() + PATIENCE
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            connection.sendall(REQUEST)
            status, body = read(Answer(lambda: piece_of(connection, deadline), "GET"))
        told = sane(json.loads(body))
    except (OSError, BadAnswer, ValueError, RecursionError) as error:
        raise Unanswered(str(error) or type(error).__name__) from error
    if status != 200 or not isinstance(told, dict):
        raise Unanswered(f"status {status}, no statistics")
    return told


def piece_of(connection: socket.socket, deadline: float) -> bytes:
    """The next bytes that come.  Raises OSError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(left)
    return connection.recv(65536)


def read(answer: Answer) -> tuple[int | None, bytes]:
    """Status and body.  Raises OSError, BadAnswer."""
    while not answer.read_head():
        pass
    body = bytearray()
    for piece in answer.read_body():
        body += piece
        if len(body) > LARGEST:
            raise BadAnswer(f"more than {LARGEST} bytes")
    return answer.status, bytes(body)


def sane(told: Any) -> Any:
    """JSON without what cannot be counted with or written: what it says may be anybody's."""
    match told:
        case str():
            return told.encode("utf-8", "replace").decode()
        case int() | float():
            return told if abs(told) <= GREATEST else None
        case list():
            return [*map(sane, told)]
        case dict():
            return {sane(name): sane(value) for name, value in told.items()}
    return told


class Rates:
    """Requests a second, from how many there had been by which moment.

    A worker that was replaced took its count with it: each is counted by itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int], deque[tuple[float, int]]] = {}

    def note(self, server: str, counts: Mapping[int, int], now: float) -> float | None:
        """Takes note of the workers' counts; the rate since some seconds ago, if seen then."""
        rates = []
        with self._lock:
            for key in [key for key in self._seen if key[0] == server and key[1] not in counts]:
                del self._seen[key]
            for pid, count in counts.items():
                seen = self._seen.setdefault((server, pid), deque())
                while len(seen) > 1 and seen[1][0] <= now - SPAN:
                    seen.popleft()
                if seen and now - seen[0][0] >= LEAST and count >= seen[0][1]:
                    rates.append((count - seen[0][1]) / (now - seen[0][0]))
                if not seen or now - seen[-1][0] >= LEAST / 2:
                    seen.append((now, count))
        return sum(rates) if rates else None


RATES = Rates()
"""Of this process, which is the console's only one."""


def look(folder: Path) -> list[dict[str, Any]]:
    """Every server that tells, or ``error`` in the place of what it says; by its name."""
    found: list[dict[str, Any]] = []
    for path in sockets(folder):
        name = path.stem.removeprefix("stats-")
        try:
            told = ask(path)
        except Unanswered as error:
            found.append({"name": name, "error": str(error)})
            continue
        counts = {
            worker["pid"]: worker["requests"]
            for worker in workers(told)
            if isinstance(worker.get("requests"), int) and isinstance(worker.get("pid"), int)
        }
        rate = RATES.note(str(path), counts, time.monotonic())
        told.pop("error", None)  # ours
        found.append({**told, "name": name, "requests_per_second": rate})
    return found


def workers(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The workers that a server tells of."""
    listed = told.get("workers")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def threads(worker: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The threads that a worker tells of."""
    listed = worker.get("threads")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
