"""One request and its answer: the application called, and what it does wrong caught and logged."""

import logging
import time
from typing import IO, Any

from paceline.errors import ApplicationError, Disconnected
from paceline.http.response import error_answer
from paceline.wsgi import gateway
from paceline.wsgi.environ import Environ
from paceline.wsgi.response import Answer

log = logging.getLogger("paceline.error")


class Exchange(Answer):
    """A whole request, and its answer as it comes to be.

    ``observe.Record`` describes what can be said about it once it is over.
    """

    environ: Environ
    body: IO[bytes] | None
    """As it was received, if one was; an application may put its own in the environ."""
    started = 0.0
    """Seconds since the epoch; set, as all below, where there is an access log or a tally."""
    ready_at = 0.0
    """When the request's bytes were ready to be read (``time.monotonic()``)."""
    queue = 0.0
    """Seconds from then until a thread had them."""
    waited: float | None = None
    """Seconds from the moment that a trusted proxy sent it until then; None: it does not tell."""
    duration = 0.0
    """Seconds from the moment the request's bytes were ready until its answer's last was taken."""
    recorded = False
    """Whether it was logged and counted already, when it reached ``--request-timeout``."""

    def run(self, application: gateway.Application, sendfile: bool) -> None:
        """Call the application and send its answer.  Never raises; blocks as the application does.

        ``SystemExit`` of an application ends its request, not the server.
        """
        try:
            gateway.call(application, self.environ, self, sendfile)
        except Disconnected:
            self.keep = False
        except BaseException as error:
            self._explain(error)
        if self.body is not None:
            try:
                self.body.close()
            except OSError:
                pass  # of a body on a disk that has become full

    def _explain(self, error: BaseException) -> None:
        about = f"{self.request_line}: {error}" if isinstance(error, ApplicationError) else None
        log.error(about or f"{self.request_line}: the application failed", exc_info=error)
        self.keep = False
        if self.head_sent:
            return
        status = "500 Internal Server Error"
        fields, body = error_answer(status, "The application failed.")
        self.start_response(status, fields, (type(error), error, error.__traceback__))
        try:
            self.send_whole(body)
        except Disconnected:
            pass

    @property
    def request_line(self) -> str:
        """Return method, target and version."""
        return self.request.request_line

    @property
    def response_headers(self) -> list[tuple[str, str]]:
        """Return the application's fields."""
        return self.headers


class Refusal:
    """A request that the server answered itself, as the log sees it."""

    def __init__(self, request_line: str, status: str, peer: str, body_bytes: int) -> None:
        self.environ: dict[str, Any] = {"REMOTE_ADDR": peer}
        self.request_line = request_line
        self.status = status
        self.response_headers: list[tuple[str, str]] = []
        self.body_bytes = body_bytes
        self.started = time.time()
        self.queue = self.duration = 0.0
        self.waited = None
