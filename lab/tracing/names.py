"""Names of attributes: OpenTelemetry's where it has one, else below ``wsgilab.``.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/, stable since 1.23.
"""

from enum import StrEnum


class Hop(StrEnum):
    """Who did the work of a span; the value of ``wsgilab.hop``, which every span has."""

    CLIENT = "client"
    PROXY = "proxy"
    SERVER = "server"
    APPLICATION = "application"


HOP = "wsgilab.hop"

# Bytes as text, one character for each byte (latin-1), masked.  On the client's span: what it sent
# and got; on the server's: what it received and sent.
REQUEST_HEAD = "wsgilab.request.head"
REQUEST_BODY = "wsgilab.request.body"
RESPONSE_HEAD = "wsgilab.response.head"
RESPONSE_BODY = "wsgilab.response.body"
# Bytes of the whole body, of which the attribute above may hold only the beginning.
REQUEST_BODY_SIZE = "http.request.body.size"
RESPONSE_BODY_SIZE = "http.response.body.size"

ROUTE = "http.route"
FUNCTION = "code.function.name"
EXCEPTION = "exception.type"
"""Of an exception that is no failure, such as Django's Http404."""
SQL_SYSTEM = "db.system.name"
SQL_OPERATION = "db.operation.name"

ENVIRON = "wsgilab.environ"
"""On the server's span: the WSGI environ, a JSON object of texts, masked; objects by class."""
UNKNOWN = "wsgilab.unknown"
"""On the server's or the application's span: what this server cannot tell, one text for each."""

SOFTWARE = "wsgilab.server.software"
"""Such as paceline/0.1.0."""
MODEL = "wsgilab.server.model"
"""Its concurrency model."""
THREADS_BUSY = "wsgilab.threads.busy"
THREADS_WAITING = "wsgilab.threads.waiting"
QUEUE_LENGTH = "wsgilab.queue.length"
"""Requests that were ready and had no thread, when this one got its own."""
CONNECTION_AGE = "wsgilab.connection.age"
"""Seconds from accept to the moment this request's bytes were ready."""
CONNECTION_REQUESTS = "wsgilab.connection.requests"
"""Which request on its connection: 1 for the first."""
CPU_TIME = "wsgilab.cpu_time"
"""Seconds of CPU of the span's thread, beside the wall time that start and end give."""

UNCERTAINTY = "wsgilab.uncertainty"
"""Seconds by which a span's times may be wrong either way: nginx counts in milliseconds."""
UPSTREAM_SPLIT = "wsgilab.upstream"
"""On a try's span of the proxy: the address that was asked."""
SQL_ROWS = "db.response.returned_rows"
SQL = "db.query.text"
