"""Which body follows a head, and whether the connection stays open: the tables.

Requests (RFC 9112, 6.1 to 6.3).  Where a proxy in front could see another end of the message
than this server, the message is refused: that is how requests are smuggled.

    Transfer-Encoding      Content-Length    HTTP/1.1         HTTP/1.0
    none                   none              no body          no body
    none                   1*DIGIT           that many bytes  that many bytes
    none                   anything else     400              400
    "chunked" alone        none              chunked          400
    "chunked" alone        any               400              400
    chunked not last, or twice; not a list   400              400
    other codings                            501              400

The table for answers is in ``paceline.wsgi.response``, which carries it out.
"""

from paceline.errors import BadRequest, ExpectationFailed, NotImplementedByServer
from paceline.http.body import ChunkedDecoder, LengthDecoder
from paceline.http.grammar import CONTENT_LENGTH, OWS
from paceline.http.request import RequestHead
from paceline.limits import Limits

CONNECTION_FIELDS = frozenset({"content-length", "transfer-encoding", "expect", "connection"})
"""All that is looked at in here.  Most requests have none of them."""

Framing = tuple[LengthDecoder | ChunkedDecoder | None, bool, bool]
"""The decoder of the body that follows, or None where none does; whether the client waits for
``100 Continue``; whether it wants the connection to stay open."""


def frame(head: RequestHead, limits: Limits) -> Framing:
    """Return what ``head`` says about its message and its connection.

    Raises BadRequest, NotImplementedByServer, ExpectationFailed or, for a length past the limit,
    ContentTooLarge.
    """
    if CONNECTION_FIELDS.isdisjoint(head.fields):
        return None, False, head.version == "HTTP/1.1"
    return _body(head, limits), _expects_continue(head), _keeps_connection(head)


def _body(head: RequestHead, limits: Limits) -> LengthDecoder | ChunkedDecoder | None:
    """Return the decoder of the body that follows ``head``, or None where none follows.

    Raises BadRequest, NotImplementedByServer or, for a length past the limit, ContentTooLarge.
    """
    coding = head.fields.get("transfer-encoding")
    length = head.fields.get("content-length")
    if coding is not None:
        _check_coding(coding, length, head.version)
        return ChunkedDecoder(limits)
    if length is None:
        return None
    if not CONTENT_LENGTH.fullmatch(length):
        raise BadRequest("Content-Length is not a number of bytes.")
    return LengthDecoder(int(length), limits.request_body) if int(length) else None


def _check_coding(coding: str, length: str | None, version: str) -> None:
    if version == "HTTP/1.0":
        raise BadRequest("Transfer-Encoding in an HTTP/1.0 request.")
    if length is not None:
        raise BadRequest("Both Transfer-Encoding and Content-Length.")
    if coding.lower() == "chunked":
        return
    codings = [each.strip(OWS).lower() for each in coding.split(",")]
    if "chunked" in codings[:-1] or "" in codings:
        raise BadRequest("In Transfer-Encoding, chunked must come once, and last.")
    raise NotImplementedByServer("A transfer coding other than chunked.")


def _expects_continue(head: RequestHead) -> bool:
    """Tell whether the client waits for ``100 Continue`` (RFC 9110, 10.1.1).

    An HTTP/1.0 client cannot know it, so there it is ignored.  Raises ExpectationFailed.
    """
    expectation = head.fields.get("expect")
    if expectation is None or head.version == "HTTP/1.0":
        return False
    if expectation.lower() != "100-continue":
        raise ExpectationFailed("An expectation other than 100-continue.")
    return True


def _keeps_connection(head: RequestHead) -> bool:
    """Tell whether the client wants the connection to stay open (RFC 9112, 9.3)."""
    connection = head.fields.get("connection")
    if connection is None:
        return head.version == "HTTP/1.1"
    options = [option.strip(OWS) for option in connection.lower().split(",")]
    if "close" in options:
        return False
    return head.version == "HTTP/1.1" or "keep-alive" in options
