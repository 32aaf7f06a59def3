"""A trace of one request as the hops send it, to be sent again and again under other ids."""

import json
from collections.abc import Iterable

from lab.tracing import names
from lab.tracing.names import Hop
from lab.tracing.span import SERVER, Event, Span, encode

NOON = 1_800_000_000 * 10**9
MS = 10**6

TRACE_ID = b"0af7651916cd43dd8448eb211c80319c"
"""What is to be replaced."""

HEAD = "\r\n".join(
    [
        "GET /entries/?page=2&q=paceline HTTP/1.1",
        "Host: localhost:8080",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-GB,en;q=0.5",
        "Accept-Encoding: gzip, deflate",
        "Cookie: guestbook_csrf=********; guestbook_session=********",
        f"X-Request-Id: {TRACE_ID.decode()}",
        f"traceparent: 00-{TRACE_ID.decode()}-b7ad6b7169203331-03",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Request-Start: t=1800000000.000",
        "Connection: keep-alive",
    ]
)
ANSWER = "\r\n".join(
    [
        "HTTP/1.1 200 OK",
        "Server: paceline",
        "Date: Wed, 25 Nov 2026 23:12:09 GMT",
        "Content-Type: text/html; charset=utf-8",
        "X-Frame-Options: DENY",
        "Vary: Cookie",
        "Content-Length: 5120",
    ]
)
BODY = "".join(
    f'<li class="entry"><a href="/entries/{n}/">Entry {n * 7919}</a>\n' for n in range(60)
)
SQL = 'SELECT "guestbook_entry"."id", "guestbook_entry"."name", "guestbook_entry"."text" FROM '


def span(
    number: int, parent: int, hop: Hop, name: str, start: float, end: float, **more: object
) -> Span:
    """Times in ms."""
    attributes = {names.HOP: str(hop), **more.get("attributes", {})}  # type: ignore[dict-item]
    return Span(
        TRACE_ID.decode(),
        f"{number:016x}",
        f"{parent:016x}",
        name,
        NOON + int(start * MS),
        NOON + int(end * MS),
        attributes,
        [Event(NOON + int(start * MS), "head read")] if number == 1 else (),
        kind=SERVER if number == 1 else 1,
        resource={"service.name": "paceline" if hop == Hop.SERVER else "django"},
    )


def of_server() -> Iterable[Span]:
    """What paceline tells."""
    told = {
        "http.request.method": "GET",
        "url.path": "/entries/",
        "url.query": "page=2&q=paceline",
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
        names.SOFTWARE: "paceline/0.1.0",
        names.MODEL: "adaptive",
        names.THREADS_BUSY: 1,
        names.CPU_TIME: 0.004,
        names.REQUEST_HEAD: HEAD,
        names.RESPONSE_HEAD: ANSWER,
        names.RESPONSE_BODY: BODY[:4096],
        names.ENVIRON: json.dumps({f"HTTP_{n}": line for n, line in enumerate(HEAD.split("\r\n"))}),
    }
    yield span(1, 0xB7AD6B7169203331, Hop.SERVER, "GET /entries/", 0, 12, attributes=told)
    yield span(2, 1, Hop.SERVER, "queue", 0, 0.2)
    yield span(3, 1, Hop.SERVER, "receive", 0.2, 0.3)
    yield span(4, 1, Hop.SERVER, "application", 0.3, 11.9)


def of_application() -> Iterable[Span]:
    """What Django tells."""
    yield span(5, 4, Hop.APPLICATION, "WSGI", 0.3, 11.8)
    for n in range(7):
        name = f"middleware django.middleware.number{n}.Middleware"
        yield span(6 + n, 5 + n, Hop.APPLICATION, name, 0.4 + n / 10, 11.7 - n / 10)
    view = {"code.function.name": "guestbook.views.index"}
    yield span(13, 12, Hop.APPLICATION, "view guestbook.views.index", 1, 11, attributes=view)
    yield span(14, 13, Hop.APPLICATION, "template list.html", 9, 11)
    for n in range(6):
        sql = {"db.system.name": "sqlite", names.SQL: f"{SQL}{n}", names.SQL_ROWS: n}
        yield span(15 + n, 13, Hop.APPLICATION, "SQL SELECT", 1 + n, 1.8 + n, attributes=sql)


def post(spans: Iterable[Span]) -> bytes:
    """The request that sends spans."""
    body = json.dumps(encode(spans)).encode()
    head = (
        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


POSTS = (post(of_server()), post(of_application()))

LINE = (
    b"<190>Nov 25 23:12:09 nginx: "
    + json.dumps(
        {
            "trace_id": TRACE_ID.decode(),
            "span_id": "b7ad6b7169203331",
            "parent_id": "",
            "flags": "03",
            "msec": "1800000000.013",
            "request_time": "0.013",
            "method": "GET",
            "scheme": "http",
            "host": "localhost:8080",
            "uri": "/entries/?page=2&q=paceline",
            "protocol": "HTTP/1.1",
            "status": "200",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "remote_addr": "127.0.0.1",
            "remote_port": "50312",
            "connection": "1",
            "connection_requests": "1",
            "tcpinfo_rtt": "36",
            "request_length": str(len(HEAD)),
            "bytes_sent": "5400",
            "request_completion": "OK",
            "upstream_addr": "127.0.0.1:8000",
            "upstream_status": "200",
            "upstream_connect_time": "0.000",
            "upstream_header_time": "0.012",
            "upstream_response_time": "0.012",
        }
    ).encode()
)

SPANS = 20 + 5
"""Of the posts, and those that the line becomes: the whole, a try, its three steps."""
