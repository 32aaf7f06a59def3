"""A trace on a terminal."""

import re
from dataclasses import replace

import pytest

from lab.trace.repeat import summary
from lab.trace.waterfall import Paper, number, printable, shorten, waterfall
from lab.tracing.assembly import assemble
from lab.tracing.names import UNKNOWN, Hop
from lab.tracing.span import Span
from tests.unit.tracing.traces import request, span

PLAIN = Paper(width=60, unicode=False)


def small() -> list[Span]:
    return [
        span(1, None, Hop.CLIENT, "GET", 0, 10),
        span(2, 1, Hop.CLIENT, "send", 0, 1),
        span(3, 1, Hop.CLIENT, "wait", 1, 10),
        span(4, 1, Hop.PROXY, "GET /", 1, 9),
        span(5, 4, Hop.SERVER, "GET /", 2, 8),
        span(6, 5, Hop.SERVER, "queue", 2, 4),
        span(7, 5, Hop.APPLICATION, "middleware a.b.SomeMiddleware", 4, 8),
        span(8, 7, Hop.APPLICATION, "view some.where.far.away.index", 5, 8),
    ]


def test_the_whole_of_it():
    lines = list(waterfall(assemble(small()), PLAIN))
    assert lines[0].startswith("10 ms: ")
    assert lines[1:] == [
        "",
        "                                                          ms",
        "client      GET                  #################      10.0",
        "             send                ##                     1.00",
        "proxy        GET /                ###############    ±1 8.00",
        "server        GET /                 ###########         6.00",
        "               queue                ????                2.00",
        "application    SomeMiddleware          ########         4.00",
        "                view ..way.index         ######         3.00",
        "             wait                 ################      9.00",
        "",
        "?: ready, and waiting for a thread",
        "±1: nginx counts in whole milliseconds",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_rows_are_as_wide_as_the_paper(width: int, unicode: bool):
    rows = list(waterfall(assemble(request()), Paper(width, unicode=unicode)))[2:-3]
    assert len(rows) == len(request()) + 1
    assert {len(row) for row in rows} == {max(width, 11 + 16 + 10 + 9 + 3)}


def test_every_span_has_a_bar_however_short():
    spans = [
        span(1, None, Hop.CLIENT, "GET", 0, 1000),
        span(2, 1, Hop.CLIENT, "receive", 1000, 1000),
    ]
    rows = list(waterfall(assemble(spans), Paper()))
    assert rows[-1].rstrip(" 0.").endswith("▐")


def test_colours_of_hops():
    text = "\n".join(waterfall(assemble(small()), Paper(colour=True)))
    for name, colour in (("client", 33), ("proxy", 36), ("server", 32), ("application", 35)):
        assert re.search(rf"^\x1b\[{colour}m{name}\b", text, re.MULTILINE)
    assert re.search(r"\x1b\[31m\x1b\[1m *▒+ *\x1b\[0m", text)  # the queue
    assert "\x1b" not in "\n".join(waterfall(assemble(small()), Paper()))


def test_failures_stand_below_what_failed():
    spans = [
        span(1, None, Hop.CLIENT, "GET", 0, 2, error="Connection refused"),
        span(2, 1, Hop.CLIENT, "connect", 1, 2, error="Connection refused"),
    ]
    lines = list(waterfall(assemble(spans), PLAIN))
    assert [line.strip() for line in lines if "!" in line] == ["! Connection refused"]
    assert "connect" in lines[-2]


def test_what_a_server_cannot_tell():
    told = {UNKNOWN: ["queue", "bytes\x1b"]}
    spans = [replace(span(1, None, Hop.SERVER, "GET /", 0, 1), attributes=told)]
    notes = list(waterfall(assemble(spans), PLAIN))[-2:]
    assert notes == ["paceline does not tell: queue", "paceline does not tell: bytes\\x1b"]


def test_names_of_others_do_nothing_to_the_terminal():
    spans = [span(1, None, Hop.PROXY, "GET /\x1b[2J\n", 0, 1, error="\x07")]
    text = "\n".join(waterfall(assemble(spans), PLAIN))
    assert "GET /\\x1b[2J\\n" in text and "! \\x07" in text
    assert printable("ä→\u202e") == "ä→\\u202e"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.000"), (1e-6, "0.001"), (0.00123, "1.23"), (0.0612, "61.2"), (12.3456, "12346")],
)
def test_milliseconds(seconds: float, text: str):
    assert number(seconds) == text


@pytest.mark.parametrize("width", range(4, 30))
def test_shortened_names_fit(width: int):
    assert len(shorten("    view some.where.far.away", width)) <= width
    assert shorten("  view", 6) == "  view"


def test_several_traces():
    second = [replace(each, end=each.end + 2_000_000) for each in small() if each.name != "queue"]
    third = [replace(each, end=each.end + 9_000_000) for each in small()]
    lines = list(summary([assemble(spans) for spans in (small(), second, third)], Paper(78)))
    assert lines == [
        "3 requests, median 12.0 ms",
        "",
        "                                    median ms       min       max",
        "client      GET                          12.0      10.0      19.0",
        "             send                        3.00      1.00      10.0",
        "proxy        GET /                       10.0      8.00      17.0",
        "server        GET /                      8.00      6.00      15.0",
        "               queue                     6.50      2.00      11.0  in 2 of 3",
        "application    SomeMiddleware            6.00      4.00      13.0",
        "                view s...away.index      5.00      3.00      12.0",
        "             wait                        11.0      9.00      18.0",
    ]


def test_the_same_name_twice_is_two_places():
    spans = [
        span(1, None, Hop.CLIENT, "GET", 0, 10),
        span(2, 1, Hop.APPLICATION, "SQL SELECT", 1, 2),
        span(3, 1, Hop.APPLICATION, "SQL SELECT", 3, 6),
    ]
    rows = [line.split()[-3:] for line in summary([assemble(spans)] * 2, Paper())][-2:]
    assert rows == [["1.00"] * 3, ["3.00"] * 3]
