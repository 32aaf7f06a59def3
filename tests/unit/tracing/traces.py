"""Spans of a request as the lab's hops tell them, for tests."""

from collections.abc import Mapping
from typing import Any

from lab.tracing.names import CPU_TIME, HOP, UNCERTAINTY, UPSTREAM_SPLIT, Hop
from lab.tracing.span import CLIENT, INTERNAL, SERVER, Span

TRACE = "0af7651916cd43dd8448eb211c80319c"
MS = 1_000_000
NOON = 1_800_000_000 * 1000 * MS

SERVICES = {
    Hop.CLIENT: "lab",
    Hop.PROXY: "nginx",
    Hop.SERVER: "paceline",
    Hop.APPLICATION: "django",
}
KINDS = {"GET": CLIENT, "GET /": SERVER, "try 127.0.0.1:8000": CLIENT}


def span(
    number: int,
    parent: int | None,
    hop: Hop,
    name: str,
    start: float,
    end: float,
    error: str | None = None,
    **attributes: Any,
) -> Span:
    """One span; times in ms from noon, attributes with ``__`` for a dot."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    uncertain = {UNCERTAINTY: 0.001} if hop == Hop.PROXY else {}
    return Span(
        TRACE,
        f"{number:016x}",
        f"{parent:016x}" if parent is not None else "",
        name,
        NOON + round(start * MS),
        NOON + round(end * MS),
        {HOP: str(hop), **uncertain, **named},
        kind=KINDS.get(name, INTERNAL),
        error=error,
        resource={"service.name": SERVICES[hop]},
    )


def request(changes: Mapping[int, Mapping[str, Any]] | None = None) -> list[Span]:
    """A request of 61 ms that waits for SQLite; nginx's times are off by less than 1 ms."""
    view = "guestbook.views.index"
    upstream = {UPSTREAM_SPLIT: "127.0.0.1:8000"}
    answer = {"http__response__status_code": 200, "http__request__method": "GET"}
    return [
        span(
            1, None, Hop.CLIENT, "GET", 0, 61, url__full="http://localhost/entries?page=2", **answer
        ),
        span(2, 1, Hop.CLIENT, "connect", 0, 0.5),
        span(3, 1, Hop.CLIENT, "send", 0.5, 0.6),
        span(4, 1, Hop.CLIENT, "wait", 0.6, 60),
        span(5, 1, Hop.CLIENT, "receive", 60, 61),
        span(10, 1, Hop.PROXY, "GET /", 1, 60, url__path="/entries", **answer),
        span(11, 10, Hop.PROXY, "try 127.0.0.1:8000", 1, 60, **upstream),
        span(12, 11, Hop.PROXY, "connect", 1, 1),
        span(13, 11, Hop.PROXY, "wait", 1, 59),
        span(14, 11, Hop.PROXY, "receive", 59, 60),
        span(20, 10, Hop.SERVER, "GET /", 0.9, 60.2, wsgilab__server__software="paceline/0.1.0"),
        span(21, 20, Hop.SERVER, "queue", 0.9, 3),
        span(22, 20, Hop.SERVER, "application", 3, 60),
        span(30, 22, Hop.APPLICATION, "WSGI", 3.1, 59.9, **{CPU_TIME: 0.006}),
        span(31, 30, Hop.APPLICATION, "middleware a.B", 3.2, 59.8),
        span(32, 31, Hop.APPLICATION, f"view {view}", 4, 58, code__function__name=view),
        span(33, 32, Hop.APPLICATION, "SQL SELECT", 5, 30, db__system__name="sqlite"),
        span(34, 32, Hop.APPLICATION, "SQL SELECT", 31, 54, db__system__name="sqlite"),
        span(35, 32, Hop.APPLICATION, "template list.html", 54.5, 58),
    ]
