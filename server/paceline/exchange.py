"""One request and its answer: the application called, and what it does wrong caught and logged."""

import logging
import time
from typing import Any, Protocol

from paceline.errors import ApplicationError, Disconnected
from paceline.http.request import RequestHead
from paceline.http.response import error_answer
from paceline.wsgi import gateway
from paceline.wsgi.environ import Environ
from paceline.wsgi.response import Answer, Sink

log = logging.getLogger("paceline.error")


class Record(Protocol):
    """What can be said about an exchange once it is over; what an access log is given."""

    environ: dict[str, Any]
    """What the application was given; REMOTE_ADDR alone where the request was refused."""
    started: float
    """Seconds since the epoch."""
    duration: float
    """Seconds from the moment the request's bytes were ready until its answer's last was taken."""

    @property
    def request_line(self) -> str:
        """Return method, target and version."""

    @property
    def status(self) -> str:
        """Return code and phrase."""

    @property
    def response_headers(self) -> list[tuple[str, str]]:
        """Return the application's fields."""

    @property
    def body_bytes(self) -> int:
        """Return the size of the answer's body, in bytes, without its framing."""


class Exchange:
    """A whole request, and its answer as it comes to be."""

    started = duration = 0.0

    def __init__(self, head: RequestHead, environ: Environ, keep: bool, sink: Sink) -> None:
        self.head = head
        self.environ = environ
        self._body = environ["wsgi.input"]  # an application may put its own in the environ
        self.answer = Answer(head.method, head.version, keep, sink)

    def run(self, application: gateway.Application, sendfile: bool) -> None:
        """Call the application and send its answer.  Never raises; blocks as the application does.

        ``SystemExit`` of an application ends its request, not the server.
        """
        try:
            gateway.call(application, self.environ, self.answer, sendfile)
        except Disconnected:
            self.answer.keep = False
        except BaseException as error:
            self._explain(error)
        try:
            self._body.close()
        except OSError:
            pass  # of a body on a disk that has become full

    def _explain(self, error: BaseException) -> None:
        about = f"{self.request_line}: {error}" if isinstance(error, ApplicationError) else None
        log.error(about or f"{self.request_line}: the application failed", exc_info=error)
        if self.answer.head_sent:
            self.answer.keep = False
            return
        self.answer = Answer(self.head.method, self.head.version, False, self.answer.sink)
        fields, body = error_answer("500 Internal Server Error", "The application failed.")
        self.answer.start_response("500 Internal Server Error", fields)
        try:
            self.answer.send_whole(body)
        except Disconnected:
            pass

    @property
    def request_line(self) -> str:
        """Return method, target and version."""
        return f"{self.head.method} {self.head.target} {self.head.version}"

    @property
    def status(self) -> str:
        """Return code and phrase."""
        return self.answer.status

    @property
    def response_headers(self) -> list[tuple[str, str]]:
        """Return the application's fields."""
        return self.answer.headers

    @property
    def body_bytes(self) -> int:
        """Return the size of the answer's body, in bytes, without its framing."""
        return self.answer.body_bytes


class Refusal:
    """A request that the server answered itself, as the log sees it."""

    def __init__(self, request_line: str, status: str, peer: str, body_bytes: int) -> None:
        self.environ: dict[str, Any] = {"REMOTE_ADDR": peer}
        self.request_line = request_line
        self.status = status
        self.response_headers: list[tuple[str, str]] = []
        self.body_bytes = body_bytes
        self.started = time.time()
        self.duration = 0.0
