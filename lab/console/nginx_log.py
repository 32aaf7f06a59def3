"""Spans of nginx's log lines (`log_format trace` in nginx/nginx.conf.template).

A line is a syslog message (RFC 3164) whose text is a JSON object.  What nginx's times mean:

    |<-------------------------- request_time ------------------------->| msec
    first byte          request_start                              last byte, or given up
                        |<- connect ->|
                        |<--------- header --------->|
                        |<-------------- response ------------->|
                        try 1 ............................ , try 2 , try 3 : after a redirect

All are milliseconds, read once a turn of its event loop.  Where an upstream was tried after another
one its times follow; ``-`` was never reached.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from http import HTTPStatus
from itertools import zip_longest
from typing import Any

from lab.tracing.context import SAMPLED
from lab.tracing.mask import mask_urls
from lab.tracing.names import CONNECTION_REQUESTS, HOP, UNCERTAINTY, UPSTREAM_SPLIT, Hop
from lab.tracing.span import CLIENT, SERVER, Span, Value, hex_id

FRAMING = re.compile(rb"<[0-9]{1,3}>[^{]{0,300}: (?=\{)")
"""Priority, time, host, tag: what syslog puts before the text."""

URI = re.compile(rb'("uri": ?")((?:[^"\\]|\\.)*)')
"""The one field with a query, as nginx quotes it: a quote that a client sent has a backslash."""

BETWEEN = re.compile(", | : ")
"""Tries of one pass, and passes after an internal redirect."""

MILLISECOND = 0.001
RESOURCE = {"service.name": "nginx"}
CLIENT_LEFT = 499


class BadLine(ValueError):
    """A line that says nothing which can be understood."""


@dataclass(frozen=True, slots=True)
class Try:
    """One upstream that was asked; seconds since connecting began, None where it never came."""

    address: str
    status: int | None
    connect: float | None
    header: float | None
    response: float | None


def spans_of(line: bytes) -> list[Span]:
    """The request and its tries; none where nobody wanted it recorded.  Raises BadLine."""
    try:
        # What a client sent past ASCII stands there as it came, UTF-8 or not.
        said = json.loads(FRAMING.sub(b"", line, count=1).decode("utf-8", "replace"))
        if not int(said["flags"], 16) & SAMPLED:
            return []
        return [*build(said)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadLine(f"{error!r} in {line[:200]!r}") from error


def masked(line: bytes) -> bytes:
    """A line without what is secret: nginx itself cannot hide it."""
    return URI.sub(lambda uri: uri[1] + mask_urls(uri[2]), line, count=1)


def build(said: Mapping[str, Any]) -> Iterator[Span]:
    """Raises ValueError, KeyError, TypeError, AttributeError."""
    trace_id, span_id = hex_id(said["trace_id"], 32), hex_id(said["span_id"], 16)
    end = nanoseconds(float(said["msec"]))
    start = end - nanoseconds(float(said["request_time"]))
    status = int(said["status"])
    whole = Span(
        trace_id,
        span_id,
        hex_id(said["parent_id"], 16) if said.get("parent_id") else "",
        f"{said['method'] or '?'} {path_of(said['uri'])}",
        start,
        end,
        attributes(said),
        kind=SERVER,
        error=error_of(said, status),
        resource=RESOURCE,
    )
    yield whole
    begin = first_try(said, start, end)
    for number, attempt in enumerate(tries(said)):
        steps = [*spans_of_try(whole, number, attempt, begin)]
        begin = steps[0].end
        yield from steps


def attributes(said: Mapping[str, Any]) -> dict[str, Value]:
    """Of the whole request; what nginx left empty is left out."""
    path, _, query = str(said["uri"]).partition("?")
    version = str(said.get("protocol", "")).removeprefix("HTTP/").removesuffix(".0")
    found: dict[str, Value | None] = {
        HOP: str(Hop.PROXY),
        UNCERTAINTY: MILLISECOND,
        "http.request.method": said["method"],
        "http.response.status_code": int(said["status"]),
        "url.scheme": said.get("scheme"),
        "url.path": path,
        "url.query": query,
        "server.address": said.get("host"),
        "client.address": said.get("remote_addr"),
        "network.peer.address": said.get("remote_addr"),
        "network.peer.port": number(said, "remote_port"),
        "network.protocol.version": version,
        "tls.protocol.version": str(said.get("tls_protocol", "")).removeprefix("TLSv"),
        "tls.cipher": said.get("tls_cipher"),
        "user_agent.original": said.get("user_agent"),
        "http.request.size": number(said, "request_length"),
        "http.response.size": number(said, "bytes_sent"),
        CONNECTION_REQUESTS: number(said, "connection_requests"),
        "wsgilab.connection.id": number(said, "connection"),
        "wsgilab.tcp.rtt": (number(said, "tcpinfo_rtt") or 0) / 1e6,
    }
    return {name: value for name, value in found.items() if value not in ("", "-", None)}


def number(said: Mapping[str, Any], key: str) -> int | None:
    """A whole number, or None.  Raises ValueError for anything else."""
    value = said.get(key)
    return None if value in ("", "-", None) else int(str(value))


def path_of(uri: object) -> str:
    """The path of a request's target."""
    return str(uri).partition("?")[0] or "/"


def error_of(said: Mapping[str, Any], status: int) -> str | None:
    """Why a request failed; one that the client got wrong did not."""
    if status == CLIENT_LEFT:
        return "the client went away"
    return reason(status) if status >= 500 else None


def reason(status: int) -> str:
    """Such as 502 Bad Gateway."""
    known = status in HTTPStatus._value2member_map_
    return f"{status} {HTTPStatus(status).phrase}" if known else str(status)


def first_try(said: Mapping[str, Any], start: int, end: int) -> int:
    """When the first upstream was asked: as it was told by X-Request-Start."""
    told = str(said.get("request_start", "")).removeprefix("t=")
    return min(max(nanoseconds(float(told)), start), end) if told else start


def tries(said: Mapping[str, Any]) -> Iterator[Try]:
    """Every upstream that was asked.  Raises ValueError."""
    columns = [
        BETWEEN.split(str(said.get(f"upstream_{key}") or "-"))
        for key in ("addr", "status", "connect_time", "header_time", "response_time")
    ]
    for address, *row in zip_longest(*columns, fillvalue="-"):
        if address.strip() not in ("", "-"):
            status, *times = row
            seconds = (None if text == "-" else float(text) for text in times)
            yield Try(address, None if status == "-" else int(status), *seconds)


def spans_of_try(whole: Span, which: int, attempt: Try, begin: int) -> Iterator[Span]:
    """A try, then its steps."""
    answered = attempt.header is not None
    connect, header = begin, begin
    if attempt.connect is not None:
        connect = begin + nanoseconds(attempt.connect)
    if attempt.header is not None:
        header = max(connect, begin + nanoseconds(attempt.header))
    end = max(connect, header, begin + nanoseconds(attempt.response or 0.0))
    outer = replace(
        below(whole, which, f"try {attempt.address}", begin, end, **address_of(attempt)),
        kind=CLIENT,
        error=error_of_try(attempt),
    )
    yield outer
    if attempt.connect is None:
        yield below(outer, which, "connect", begin, end)
        return
    yield below(outer, which, "connect", begin, connect)
    yield below(outer, which, "wait", connect, header if answered else end)
    if answered:
        yield below(outer, which, "receive", header, end)


def below(parent: Span, which: int, name: str, start: int, end: int, **more: Value) -> Span:
    """A step of a span.  Its id follows from what it is, so that a line that comes twice is one."""
    seed = f"{parent.span_id} {which} {name}"
    return Span(
        parent.trace_id,
        blake2b(seed.encode(), digest_size=8).hexdigest(),
        parent.span_id,
        name,
        start,
        end,
        {HOP: str(Hop.PROXY), UNCERTAINTY: MILLISECOND, **more},
        resource=RESOURCE,
    )


def error_of_try(attempt: Try) -> str | None:
    """Why the next one had to be asked, or might have been."""
    if attempt.connect is None:
        return "no connection"
    if attempt.header is None:
        return "no answer"
    failed = attempt.status is not None and attempt.status >= 500
    return reason(attempt.status) if failed and attempt.status else None


def address_of(attempt: Try) -> dict[str, Value]:
    """Whom a try asked, and what it got."""
    found: dict[str, Value] = {UPSTREAM_SPLIT: attempt.address}
    host, colon, port = attempt.address.rpartition(":")
    if colon and port.isdecimal():
        found |= {"server.address": host, "server.port": int(port)}
    else:
        found["server.address"] = attempt.address.removeprefix("unix:")
    if attempt.status is not None:
        found["http.response.status_code"] = attempt.status
    return found


def nanoseconds(seconds: float) -> int:
    """Of seconds with milliseconds, exactly.  Raises ValueError for what cannot be."""
    if not 0 <= seconds < 9e9:
        raise ValueError(f"{seconds} s")
    return round(seconds * 1000) * 1_000_000
