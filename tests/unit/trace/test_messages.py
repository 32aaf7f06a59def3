"""Heads and bodies on a terminal."""

from lab.trace.messages import all_bytes, differences, lines
from lab.trace.waterfall import Paper
from lab.tracing.names import Hop
from lab.tracing.span import Span
from tests.unit.tracing.traces import span

SENT = "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"
PASSED_ON = "GET / HTTP/1.1\r\nhost: b\r\nX-New: c\r\n"
ANSWER = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
GOT = "HTTP/1.1 200 OK\r\nA: b\r\nServer: nginx\r\n\r\n"


def told(hop: Hop, number: int, request: str, answer: str, body: str) -> Span:
    heads = {"wsgilab__request__head": request, "wsgilab__response__head": answer}
    bodies = {"wsgilab__response__body": body, "http__response__body__size": 9}
    return span(number, None, hop, "GET", 0, 1, **heads, **bodies)


SPANS = [
    told(Hop.CLIENT, 1, SENT, GOT, "h\xc3\xa4\x1b"),
    told(Hop.SERVER, 2, PASSED_ON, ANSWER, "123456789"),
]


def test_the_bytes_in_the_order_of_the_way():
    assert list(all_bytes(SPANS, Paper())) == [
        *["", "── the client sent", "  GET / HTTP/1.1", "  Host: a", "  TE: trailers"],
        *["", "── the server received", "  GET / HTTP/1.1", "  host: b", "  X-New: c"],
        *["", "── the server sent", "  HTTP/1.1 200 OK", "  A: b", "", "  123456789"],
        *["", "── the client received", "  HTTP/1.1 200 OK", "  A: b", "  Server: nginx"],
        *["", "  hä\\x1b", "  (9 bytes in all)"],
    ]


def test_a_server_that_tells_none():
    client, _ = SPANS
    assert list(all_bytes([client], Paper()))[-1] == "the server told no bytes"
    assert list(differences([client], Paper())).count("  the server told no bytes") == 2


def test_what_the_proxy_changed():
    assert list(differences(SPANS, Paper())) == [
        *["", "── request: client → server"],
        *["  GET / HTTP/1.1", "~ host: a  →  b", "- TE: trailers", "+ X-New: c"],
        *["", "── answer: server → client"],
        *["  HTTP/1.1 200 OK", "  A: b", "+ Server: nginx"],
    ]
    coloured = list(differences(SPANS, Paper(colour=True)))
    assert coloured[3:6] == [
        "\x1b[33m~ host: a  →  b\x1b[0m",
        "\x1b[31m- TE: trailers\x1b[0m",
        "\x1b[32m+ X-New: c\x1b[0m",
    ]


def test_bytes_that_are_no_text():
    assert list(lines("\xff\0\r\n\tb\r")) == ["  ÿ\\x00", "  \tb\\r"]
