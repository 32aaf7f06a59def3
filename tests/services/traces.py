"""Spans of whole requests as the hops tell them, with their bytes, for tests of the console."""

import json
import time
from collections.abc import Mapping, Sequence

from lab.tracing import names
from lab.tracing.context import new_id
from lab.tracing.names import HOP, Hop
from lab.tracing.span import CLIENT, INTERNAL, SERVER, Event, Span, Value

MS = 1_000_000

ANSWER_HEAD = (
    "HTTP/1.1 200 OK\r\nServer: {server}\r\nDate: Wed, 25 Nov 2026 23:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\nContent-Length: 6133\r\n"
    "X-Frame-Options: DENY\r\nVary: Cookie\r\n{more}\r\n"
)
QUERIES = (
    'SELECT "guestbook_entry"."id", "guestbook_entry"."message" FROM "guestbook_entry" '
    'ORDER BY "guestbook_entry"."created" DESC LIMIT 20',
    'SELECT "auth_user"."id", "auth_user"."username" FROM "auth_user" WHERE "auth_user"."id" = %s',
    'SELECT "auth_user"."id", "auth_user"."username" FROM "auth_user" WHERE "auth_user"."id" = %s',
)


class Story:
    """Collects the spans of one trace; times in ms from its start."""

    def __init__(self, age: float = 0.2) -> None:
        self.trace_id = new_id(16)
        self.spans: list[Span] = []
        self._start = time.time_ns() - round(age * 1e9)

    def add(
        self,
        parent: Span | None,
        hop: Hop,
        service: str,
        name: str,
        start: float,
        end: float,
        attributes: Mapping[str, Value] | None = None,
        events: Sequence[tuple[float, str]] = (),
        kind: int = INTERNAL,
        error: str | None = None,
    ) -> Span:
        """One span."""
        uncertain = {names.UNCERTAINTY: 0.001} if hop == Hop.PROXY else {}
        span = Span(
            self.trace_id,
            new_id(8),
            parent.span_id if parent else "",
            name,
            self.at(start),
            self.at(end),
            {HOP: str(hop), **uncertain, **(attributes or {})},
            [Event(self.at(moment), what) for moment, what in events],
            kind,
            error,
            {"service.name": service},
        )
        self.spans.append(span)
        return span

    def at(self, ms: float) -> int:
        """Nanoseconds since 1970."""
        return self._start + round(ms * MS)


def through_paceline(path: str = "/entries/", status: int = 200, scale: float = 1.0) -> list[Span]:
    """A page of 61 ms: nginx's first try fails, the request waits for a thread, then for SQLite."""
    story = Story()
    tell_client(story, path, status, scale)
    proxy = tell_proxy(story, path, status, scale)
    server = tell_paceline(story, proxy, path, status, scale)
    tell_django(story, server, 10.2 * scale, 58.9 * scale)
    return story.spans


def through_gunicorn(path: str = "/entries/") -> list[Span]:
    """The same through gunicorn, which tells neither queue nor bytes."""
    story = Story()
    tell_client(story, path, 200, 0.7)
    proxy = tell_proxy(story, path, 200, 0.7)
    unknown = [
        "how long a request waited for a thread: gunicorn has no hook between accept and head read",
        "the bytes that it received and sent",
    ]
    server = story.add(
        proxy,
        Hop.SERVER,
        "gunicorn",
        f"GET {path}",
        2.5,
        41,
        {
            names.SOFTWARE: "gunicorn/27.0.1",
            names.MODEL: "gthread",
            names.UNKNOWN: unknown,
            "process.pid": 4321,
            "url.path": path,
        },
        kind=SERVER,
    )
    tell_django(story, server, 3, 40.5)
    return story.spans


def tell_client(story: Story, path: str, status: int, scale: float) -> Span:
    """What `lab trace` and Send say."""
    head = (
        f"GET {path}?page=2 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: lab/0.1.0\r\n"
        "Accept: text/html\r\nConnection: close\r\nCookie: guestbook_session=xx\r\n"
        f"traceparent: 00-{story.trace_id}-00f067aa0ba902b7-03\r\n\r\n"
    )
    more = "Connection: close\r\nServer-Timing: proxy;dur=60, queue;dur=7.4\r\n"
    whole = story.add(
        None,
        Hop.CLIENT,
        "lab",
        "GET",
        0,
        61 * scale,
        {
            "http.request.method": "GET",
            "url.full": f"http://127.0.0.1:8080{path}?page=2",
            "http.response.status_code": status,
            names.REQUEST_HEAD: head,
            names.RESPONSE_HEAD: ANSWER_HEAD.format(server="nginx", more=more),
            names.RESPONSE_BODY: "<!doctype html>\n<title>GÃ¤stebuch</title>\n",
            names.RESPONSE_BODY_SIZE: 6133,
        },
        kind=CLIENT,
    )
    steps = (("connect", 0, 0.3), ("send", 0.3, 0.36), ("wait", 0.36, 60.2), ("receive", 60.2, 61))
    for name, start, end in steps:
        story.add(whole, Hop.CLIENT, "lab", name, start * scale, end * scale)
    return whole


def tell_proxy(story: Story, path: str, status: int, scale: float) -> Span:
    """What becomes of nginx's line."""
    add = story.add
    proxy = add(
        story.spans[0],
        Hop.PROXY,
        "nginx",
        f"GET {path}",
        1 * scale,
        60 * scale,
        {"http.request.method": "GET", "url.path": path, "http.response.status_code": status},
        kind=SERVER,
    )
    add(
        proxy,
        Hop.PROXY,
        "nginx",
        "try 127.0.0.1:8001",
        1 * scale,
        2 * scale,
        {names.UPSTREAM_SPLIT: "127.0.0.1:8001", "http.response.status_code": 502},
        kind=CLIENT,
        error="502 Bad Gateway",
    )
    tried = add(
        proxy,
        Hop.PROXY,
        "nginx",
        "try 127.0.0.1:8000",
        2 * scale,
        60 * scale,
        {names.UPSTREAM_SPLIT: "127.0.0.1:8000"},
        kind=CLIENT,
    )
    for name, start, end in (("connect", 2, 2), ("wait", 2, 59), ("receive", 59, 60)):
        add(tried, Hop.PROXY, "nginx", name, start * scale, end * scale)
    return proxy


def tell_paceline(story: Story, proxy: Span, path: str, status: int, scale: float) -> Span:
    """What paceline says: with its queue, bytes and environ."""
    head = (
        f"GET {path}?page=2 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Forwarded-For: 127.0.0.1\r\n"
        "X-Forwarded-Proto: http\r\nX-Request-Start: t=1800000000.001\r\n"
        "User-Agent: lab/0.1.0\r\nAccept: text/html\r\nCookie: guestbook_session=xx\r\n"
        f"traceparent: 00-{story.trace_id}-{proxy.span_id}-03\r\nX_Odd: 1\r\n\r\n"
    )
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "page=2",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8080",
        "HTTP_ACCEPT": "text/html",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "http",
        "HTTP_COOKIE": "guestbook_session=xx",
        "HTTP_USER_AGENT": "lab/0.1.0",
        "HTTP_TRACEPARENT": f"00-{story.trace_id}-{proxy.span_id}-03",
        "wsgi.url_scheme": "http",
        "wsgi.multithread": "True",
        "wsgi.version": "(1, 0)",
    }
    moments = (
        (2.4, "connection accepted"),
        (2.5, "head read"),
        (10, "application called"),
        (58, "start_response"),
        (58.6, "first byte"),
        (59.2, "last byte"),
    )
    server = story.add(
        proxy,
        Hop.SERVER,
        "paceline",
        f"GET {path}",
        2.4 * scale,
        59.4 * scale,
        {
            "http.request.method": "GET",
            "url.path": path,
            "http.response.status_code": status,
            names.SOFTWARE: "paceline/0.1.0",
            names.MODEL: "adaptive",
            "process.pid": 4243,
            "thread.name": "rider-2",
            names.THREADS_BUSY: 3,
            names.THREADS_WAITING: 0,
            names.QUEUE_LENGTH: 2,
            names.CONNECTION_AGE: 0.0021,
            names.CONNECTION_REQUESTS: 1,
            names.CPU_TIME: 0.0049 * scale,
            names.REQUEST_HEAD: head,
            names.RESPONSE_HEAD: ANSWER_HEAD.format(server="paceline", more=""),
            names.RESPONSE_BODY: "<!doctype html>\n<title>GÃ¤stebuch</title>\n",
            names.RESPONSE_BODY_SIZE: 6133,
            names.ENVIRON: json.dumps(environ),
        },
        [(at * scale, what) for at, what in moments],
        kind=SERVER,
    )
    story.add(server, Hop.SERVER, "paceline", "queue", 2.6 * scale, 10 * scale)
    return story.add(server, Hop.SERVER, "paceline", "application", 10 * scale, 59 * scale)


def tell_django(story: Story, server: Span, start: float, end: float) -> None:
    """What Django does, in the given time."""
    add = story.add
    span = (end - start) / 100

    def at(part: float) -> float:
        return start + part * span

    above = add(
        server,
        Hop.APPLICATION,
        "django",
        "WSGI",
        at(0),
        at(100),
        {names.CPU_TIME: 4.1 * span / 1000},
    )
    for depth, name in enumerate(
        ("security.SecurityMiddleware", "common.CommonMiddleware", "csrf.CsrfViewMiddleware"), 1
    ):
        above = add(
            above,
            Hop.APPLICATION,
            "django",
            f"middleware django.middleware.{name}",
            at(depth),
            at(100 - depth),
        )
    view = "guestbook.views.index"
    above = add(
        above,
        Hop.APPLICATION,
        "django",
        f"view {view}",
        at(5),
        at(96),
        {"code.function.name": view},
    )
    for query, first, last, rows in zip(
        QUERIES, (7, 70, 76), (68, 75, 81), (20, 1, 1), strict=True
    ):
        add(
            above,
            Hop.APPLICATION,
            "django",
            "SQL SELECT",
            at(first),
            at(last),
            {"db.system.name": "sqlite", names.SQL: query, names.SQL_ROWS: rows},
        )
    add(above, Hop.APPLICATION, "django", "template guestbook/list.html", at(83), at(95))
