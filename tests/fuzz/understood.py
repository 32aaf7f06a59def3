"""What paceline understands of octets, without a network: the requests, and how it ended."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from wsgiref.types import StartResponse, WSGIEnvironment

from paceline.limits import Limits

from tests.contract.conftest import LIMIT_REQUEST_BODY
from tests.unit.server.memory import connect

STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ")
LIMITS = Limits(request_body=LIMIT_REQUEST_BODY)

Request = tuple[str, str, bytes]
"""Method, target and body."""


@dataclass(frozen=True)
class Understood:
    """``end``: the last was refused, the connection closed behind the last, or more is awaited.

    ``environs`` has what is text in the environ of each request.
    """

    requests: list[Request]
    end: Literal["refused", "closed", "waiting"]
    environs: list[dict[str, str]] = field(default_factory=list)


class _Loud(logging.Handler):
    """Makes a failure of what would only be logged."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            raise AssertionError(record.getMessage()) from (record.exc_info or (None, None))[1]


LOG = logging.getLogger("paceline.error")
LOUD = _Loud()


def understand(pieces: Iterable[bytes]) -> Understood:
    """Say these to a server; each piece arrives by itself.

    Raises AssertionError where there is not one good answer for each request, and then at most one
    refusal, as the last.
    """
    requests: list[Request] = []
    environs: list[dict[str, str]] = []

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read()
        requests.append((environ["REQUEST_METHOD"], environ["REQUEST_URI"], body))
        environs.append({key: each for key, each in environ.items() if isinstance(each, str)})
        start_response("200 OK", [])
        return []

    talk = connect(application, limits=LIMITS)
    LOG.addHandler(LOUD)
    try:
        sent = talk.say(*pieces)
    finally:  # other tests of the same process log errors on purpose
        LOG.removeHandler(LOUD)
    statuses = [int(status) for status in STATUS.findall(sent)]
    good, refusals = statuses[: len(requests)], statuses[len(requests) :]
    assert good == [200] * len(requests), statuses
    assert len(refusals) <= 1, "something was answered behind a refusal"
    assert all(status >= 400 for status in refusals), statuses
    if refusals:
        return Understood(requests, "refused", environs)
    ended = talk.connection.closed or talk.connection.write_ended
    return Understood(requests, "closed" if ended else "waiting", environs)
