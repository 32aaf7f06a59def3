"""Recordings, and which requests have one."""

from typing import Any

import pytest

from lab.tracing import recording
from lab.tracing.recording import MOST_SPANS, Recording, is_wanted, record

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def asked_by(flags: str = "01") -> dict[str, Any]:
    return {"HTTP_TRACEPARENT": f"00-{TRACE}-{SPAN}-{flags}"}


def test_spans_lie_within_those_that_are_open():
    one = Recording()
    outer = one.begin("outer")
    one.end(one.begin("first"))
    inner = one.begin("second", {"a": 1})
    one.end(one.begin("innermost"))
    one.end(inner, {"b": 2}, "ValueError")
    one.end(outer)
    assert [(span.name, span.parent) for span in one.spans] == [
        ("outer", -1),
        ("first", 0),
        ("second", 0),
        ("innermost", 2),
    ]
    assert one.spans[2][4:] == ({"a": 1, "b": 2}, "ValueError")
    assert all(start <= end for _, start, end, *_ in one.spans)


def test_what_was_left_open_is_no_parent_of_what_comes_after():
    one = Recording()
    outer = one.begin("outer")
    one.begin("left open")
    one.end(outer)
    one.begin("after")
    assert one.spans[2].parent == -1
    assert one.spans[1].end == one.spans[0].end


def test_one_that_has_ended_stays_as_it_is():
    one = Recording()
    outer = one.begin("outer")
    inner = one.begin("inner")
    one.end(outer)
    ended = one.spans[1].end
    one.end(inner)
    one.end(outer)
    assert [span.end for span in one.spans] == [ended, ended]


def test_an_endless_loop_of_spans_is_bounded_and_counted():
    one = Recording()
    whole = one.begin("whole")
    for _ in range(MOST_SPANS + 9):
        one.end(one.begin("SQL"))
    one.end(whole)
    assert (len(one.spans), one.lost) == (MOST_SPANS + 1, 9)
    assert one.spans[0].end > one.spans[-1].end > 0


def test_it_goes_on_with_the_trace_it_is_asked_in():
    one = record(asked_by())
    assert (one.trace_id, one.parent_id) == (TRACE, SPAN)


@pytest.mark.parametrize("environ", [{}, {"HTTP_TRACEPARENT": "00-malformed"}])
def test_without_one_it_begins_a_trace(environ: dict[str, Any]):
    one, other = record(environ), record(environ)
    assert one.parent_id == ""
    assert len(one.trace_id) == 32
    assert one.trace_id != other.trace_id


@pytest.mark.parametrize(
    ("mode", "environ", "wanted"),
    [
        ("all", {}, True),
        ("all", asked_by("00"), True),
        ("all", {"PATH_INFO": "/healthz/"}, True),
        ("all", {"PATH_INFO": "/healthz"}, False),
        ("all", {"PATH_INFO": "/healthz"} | asked_by("02"), False),
        ("all", {"PATH_INFO": "/healthz"} | asked_by("01"), True),
        ("sampled", {}, False),
        ("sampled", asked_by("00"), False),
        ("sampled", asked_by("02"), False),
        ("sampled", asked_by("01"), True),
        ("sampled", asked_by("03"), True),
        ("sampled", {"HTTP_TRACEPARENT": f"00-{TRACE}-{'0' * 16}-01"}, False),
        ("sampled", {"HTTP_TRACEPARENT": ""}, False),
        ("sampled", {"HTTP_TRACEPARENT": "x" * 54 + "1"}, False),
    ],
)
def test_which_requests_are_recorded(
    monkeypatch: pytest.MonkeyPatch, mode: str, environ: dict[str, Any], wanted: bool
):
    monkeypatch.setattr(recording, "MODE", mode)
    assert is_wanted(environ) is wanted
