"""Clients that ask without a pause, while something happens to the server."""

import threading
import time
from collections.abc import Sequence

import requests

from tests.e2e.visitor import Visitor

# What nginx may ask a second time where the first got no answer: quick ones, a page with queries,
# one that is under way for longer, large ones.
REPEATABLE = (
    ("GET", "/workload/json/", b""),
    ("GET", "/", b""),
    ("GET", "/workload/io/?ms=100", b""),
    ("GET", "/workload/bytes/?n=200000", b""),
    ("PUT", "/inspect/", b"a body" * 20_000),
)
# And what it may not, since that could do its work twice.
ALL = (*REPEATABLE, ("POST", "/inspect/", b"a body" * 20_000), ("POST", "/inspect/", b""))
CLIENTS = 4


class Load:
    """Four clients in threads of their own, for as long as the `with` block lasts.

    Without `keep` each request has a connection of its own: where nginx itself is reloaded, since
    it then closes idle ones just as they may be used again.  A browser asks once more, `requests`
    does not.  (nginx 1.27.4 can wait: keepalive_min_timeout.)
    """

    def __init__(
        self, origin: str, requests: Sequence[tuple[str, str, bytes]] = ALL, keep: bool = True
    ) -> None:
        self.answered = 0
        self.failures: list[str] = []
        """What went otherwise than it should: the request, and how."""
        self._requests = requests
        self._headers = {} if keep else {"Connection": "close"}
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._ask, args=(Visitor(origin), n)) for n in range(CLIENTS)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def await_answers(self, more: int = 30, seconds: float = 30) -> None:
        """Blocks until so many more requests have been answered, well or not."""
        goal, deadline = self.answered + more, time.monotonic() + seconds
        while self.answered < goal:
            assert time.monotonic() < deadline, f"only {self.answered} of {goal} answers"
            time.sleep(0.01)

    def _ask(self, visitor: Visitor, turn: int) -> None:
        visitor.session.headers.update(self._headers)
        with visitor.session:
            while not self._ending.is_set():
                method, path, body = self._requests[turn % len(self._requests)]
                turn += 1
                failure = why_failed(visitor, method, path, body)
                with self._lock:
                    self.answered += 1
                    if failure:
                        self.failures.append(f"{method} {path}: {failure}")


def why_failed(visitor: Visitor, method: str, path: str, body: bytes) -> str | None:
    """None for an answer that is whole and 200."""
    try:
        answer = visitor.ask(method, path, data=body)
    except requests.RequestException as error:
        return repr(error)
    return None if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"
