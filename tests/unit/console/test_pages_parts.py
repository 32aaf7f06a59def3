"""What the pages are made of: numbers and names as people read them, from whatever was sent."""

from dataclasses import replace

import pytest

from lab.console.pages import facts, reading, units
from lab.console.pages.environ import FIELDS, NOWHERE, REQUEST_LINE, Entry, mapping
from lab.console.pages.listing import Row
from lab.console.pages.octets import passages
from lab.console.pages.waterfall import lay_out, ticks
from lab.console.summary import summarize
from lab.tracing import names
from lab.tracing.assembly import assemble
from lab.tracing.changes import Kind
from lab.tracing.names import Hop
from tests.services import traces
from tests.unit.tracing.traces import request, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 µs"),
        (38e-6, "38 µs"),
        (0.000_999_6, "1.00 ms"),
        (0.004_237, "4.24 ms"),
        (0.009_999, "10.0 ms"),
        (0.048_2, "48.2 ms"),
        (0.123_4, "123 ms"),
        (0.999_9, "1 s"),
        (1.234, "1.23 s"),
        (-0.002, "\N{MINUS SIGN}2.00 ms"),
    ],
)
def test_durations_have_the_digits_that_are_known(seconds: float, words: str):
    assert units.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "< 1 ms"), (0.0016, "2 ms"), (0.061, "61 ms"), (1.5, "1.5 s")]
)
def test_what_was_counted_in_milliseconds_has_no_other_digits(seconds: float, words: str):
    assert units.coarse(seconds) == words


def test_differences_have_a_sign():
    assert units.difference(0.002) == "+2.00 ms"
    assert units.difference(-0.002) == "\N{MINUS SIGN}2.00 ms"


def test_sizes():
    assert [units.size(n) for n in (0, 999, 1000, 6133, 123_456, 5e9)] == [
        *("0 B", "999 B", "1.0 kB", "6.1 kB", "123 kB", "5.0 GB")
    ]


def test_a_time_that_no_calendar_has_is_none():
    assert units.clock(1_800_000_000_123_000_000) == "08:00:00.123"
    assert units.clock(10**30) == "—"


def test_bytes_are_shown_as_text_where_they_are_that():
    assert reading.readable("GÃ¤ste") == "Gäste"
    assert reading.readable("\xff\x00a") == "ÿ\\x00a"


def test_what_would_move_or_hide_text_is_written_out():
    assert reading.short("a\u202eb\ud800c\x1b") == "a\\u202eb\\ud800c\\x1b"
    assert reading.short("x" * 300) == "x" * 199 + "…"


def test_attributes_of_the_wrong_type_are_none():
    said = {"n": "12", "nan": float("nan"), "yes": True, "t": '["a"]', "list": "one", "ok": 1.5}
    assert [reading.number(said, name) for name in ("n", "nan", "yes", "missing")] == [None] * 4
    assert reading.number(said, "ok") == 1.5
    assert reading.table(said, "t") == {}
    assert reading.table({"t": "[" * 100_000}, "t") == {}
    assert reading.texts(said, "list") == ["one"]


def test_every_key_of_the_environ_is_told_with_the_field_that_it_is_from():
    head = "GET /a%20b?c HTTP/1.1\r\nHost: h\r\nx-forwarded-for: 1\r\nX_Odd: 2\r\n\r\n"
    environ = {
        "REQUEST_METHOD": "GET",
        "HTTP_HOST": "h",
        "HTTP_X_FORWARDED_FOR": "1",
        "CONTENT_LENGTH": "",
        "REMOTE_ADDR": "1",
        "wsgi.version": "(1, 0)",
        "x.y": "z",
    }
    groups = {group.title: group.entries for group in mapping(head, environ)}
    assert groups[REQUEST_LINE] == [Entry("method", "REQUEST_METHOD", "GET")]
    assert [(e.source, e.key) for e in groups[FIELDS]] == [
        ("Host", "HTTP_HOST"),
        ("x-forwarded-for", "HTTP_X_FORWARDED_FOR"),
        ("Content-Length", "CONTENT_LENGTH"),
    ]
    (address,) = (e for entries in groups.values() for e in entries if e.key == "REMOTE_ADDR")
    assert address.source == "the connection, or x-forwarded-for"
    assert groups[NOWHERE] == [Entry("X_Odd", "", "2")]
    told = [entry.key for entries in groups.values() for entry in entries if entry.key]
    assert sorted(told) == sorted(environ)


def test_the_passage_through_the_proxy_is_told_line_by_line():
    asked, answered = passages(assemble(traces.through_paceline()))
    marks = {line.name: line.kind for line in asked.lines}
    assert marks["Host"] == Kind.SAME
    assert marks["traceparent"] == Kind.CHANGED
    assert marks["Connection"] == Kind.DROPPED
    assert marks["X-Forwarded-For"] == Kind.ADDED
    assert (Kind.ADDED, 4) in asked.counts
    assert answered.before.title == "the server sent"
    assert answered.same_body
    assert answered.before.body is not None
    assert "Gästebuch" in answered.before.body.text
    assert answered.before.body.note == "the first 42 B of 6.1 kB"


def test_of_bytes_that_nobody_told_nothing_is_claimed():
    assert passages(assemble(request())) == []
    asked, _ = passages(assemble(traces.through_gunicorn()))
    assert asked.before.told
    assert not asked.after.told
    assert asked.lines == []


def test_of_two_servers_that_were_tried_the_one_tells_that_answered():
    spans = traces.through_paceline()
    whole, _, attempt = (each for each in spans if each.hop == Hop.PROXY and each.kind != 1)
    said = {names.HOP: str(Hop.SERVER), names.RESPONSE_HEAD: "HTTP/1.1 503 Late\r\n\r\n"}
    late = replace(whole, span_id="a" * 16, parent_id=attempt.span_id, attributes=said)
    trace = assemble([*spans, replace(late, end=late.start + 10)])
    assert passages(trace)[1].before.head.startswith("HTTP/1.1 200")


def test_bars_lie_where_their_times_are():
    spans = [span(1, None, Hop.CLIENT, "GET", 0, 50), span(2, 1, Hop.PROXY, "GET /", 10, 40)]
    outer, inner = lay_out(assemble(spans)).rows
    assert (outer.x, outer.width, outer.level) == ("0.000%", "100.000%", 1)
    assert (inner.x, inner.width, inner.level) == ("20.000%", "60.000%", 2)
    assert inner.doubt == ("18.000%", "64.000%")
    assert outer.doubt is None
    halved = lay_out(assemble(spans), scale=0.1).rows[1]
    assert (halved.x, halved.width) == ("10.000%", "30.000%")


def test_doubt_ends_where_the_times_of_a_neighbour_are_exact():
    spans = [
        span(1, None, Hop.CLIENT, "two requests", 0, 100),
        span(2, 1, Hop.CLIENT, "GET", 20, 50),
        span(3, 2, Hop.PROXY, "GET /", 20, 49.5),
    ]
    assert lay_out(assemble(spans)).rows[2].doubt == ("20.000%", "30.000%")


def test_shares_sum_up_to_the_whole_and_the_queue_is_one_of_them():
    trace = assemble(traces.through_paceline())
    shares = lay_out(trace).shares
    assert sum(share.seconds for share in shares) == pytest.approx(trace.duration)
    assert [(share.label, share.hop) for share in shares] == [
        *(("client", "client"), ("nginx", "proxy"), ("queue", "server")),
        *(("paceline", "server"), ("django", "application")),
    ]
    assert [share.queue for share in shares] == [False, False, True, False, False]
    assert [share.lasts[0] == "≈" for share in shares] == [True, True, False, False, False]


def test_a_trace_of_no_time_and_one_of_many_spans_are_drawn():
    point = [span(1, None, Hop.CLIENT, "GET", 0, 0)]
    assert lay_out(assemble(point)).rows[0].x == "0.000%"
    many = [*point, *(span(n, 1, Hop.APPLICATION, "SQL x", 0, n) for n in range(2, 700))]
    drawn = lay_out(assemble(many))
    assert (len(drawn.rows), drawn.left_out) == (500, 199)


@pytest.mark.parametrize(
    ("whole", "labels"),
    [
        (0.061, ["0", "20 ms", "40 ms", "60 ms"]),
        (1.0, ["0", "200 ms", "400 ms", "600 ms", "800 ms", "1 s"]),
        (0.000_028, ["0", "5 µs", "10 µs", "15 µs", "20 µs", "25 µs"]),
        (0.0, []),
    ],
)
def test_the_scale_has_round_times(whole: float, labels: list[str]):
    assert [tick.label for tick in ticks(whole)] == labels


def test_a_line_of_the_list_tells_no_more_than_is_known():
    spans = traces.through_paceline()
    row = Row(summarize(spans[0].trace_id, spans, 1))
    assert (row.took, row.told_by) == ("61.0 ms", "client, proxy, server, application")
    assert (row.error, row.failed) == ("", False)  # its first try failed, and the second did not
    unseen = [span for span in spans if span.hop != Hop.CLIENT]
    row = Row(summarize(spans[0].trace_id, unseen, 1))
    assert (row.took, row.hops[0]) == ("59 ms", ("client", False))


def test_what_nginx_could_not_read_has_no_path_that_is_still_to_come():
    proxy = next(span for span in traces.through_paceline() if span.hop == Hop.PROXY)
    told = {name: value for name, value in proxy.attributes.items() if name != "url.path"}
    row = Row(summarize(proxy.trace_id, [replace(proxy, attributes=told)], 1))
    assert row.path == "(no readable path)"
    told.pop("http.response.status_code")
    row = Row(summarize(proxy.trace_id, [replace(proxy, attributes=told)], 1))
    assert row.path == "(no path told yet)"


def test_what_the_status_says_is_not_said_twice():
    whole = replace(traces.through_paceline(status=404)[0], error="404 Not Found")
    row = Row(summarize(whole.trace_id, [whole], 1))
    assert (row.status, row.error, row.failed) == ("404", "", False)


def test_the_server_says_what_it_cannot_tell():
    trace = assemble(traces.through_gunicorn())
    assert len(facts.unknown(trace)) == 2
    assert ("concurrency model", "gthread") in facts.of_server(trace)
    assert names.UNKNOWN not in dict(facts.attributes(trace.roots[0]))
