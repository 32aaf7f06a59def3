"""The sentence at the top of a trace."""

from dataclasses import replace
from typing import Any

import pytest

from lab.tracing.assembly import assemble
from lab.tracing.names import CPU_TIME, UPSTREAM_SPLIT, Hop
from lab.tracing.sentence import in_words
from lab.tracing.span import Span
from tests.unit.tracing.traces import request, span


def sentence(*spans: Span) -> str:
    return assemble(spans).sentence


def test_sql():
    said = "61 ms: 48 ms waiting for SQLite in guestbook.views.index (2 statements)"
    assert sentence(*request()) == said


def test_a_database_outside_any_view():
    sql = span(2, 1, Hop.APPLICATION, "SQL BEGIN", 1, 99, db__system__name="postgresql")
    whole = span(1, None, Hop.APPLICATION, "middleware shop.Session", 0, 100)
    assert sentence(whole, sql) == "100 ms: 98 ms waiting for PostgreSQL in shop.Session"
    bare = replace(sql, parent_id="", attributes={**sql.attributes, "db.system.name": ""})
    assert sentence(bare) == "98 ms: 98 ms waiting for SQL"


def server(**application: Any) -> list[Span]:
    view = {"code__function__name": "workload.views.cpu"}
    return [
        span(1, None, Hop.SERVER, "GET /", 0, 1500),
        span(2, 1, Hop.SERVER, "queue", 0, 400),
        span(3, 1, Hop.SERVER, "receive", 400, 401),
        span(4, 1, Hop.SERVER, "application", 401, 1500),
        span(5, 4, Hop.APPLICATION, "WSGI", 401, 1499, **application),
        span(6, 5, Hop.APPLICATION, "view workload.views.cpu", 402, 1498, **view),
    ]


@pytest.mark.parametrize(
    ("cpu", "activity"),
    [({CPU_TIME: 1.0}, "computing in"), ({CPU_TIME: 0.05}, "waiting in"), ({}, "in")],
)
def test_a_view_computes_or_waits_as_its_cpu_time_says(cpu: dict[str, Any], activity: str):
    assert sentence(*server(**cpu)) == (
        f"1.5 s: 1.1 s {activity} workload.views.cpu, 400 ms waiting for a thread"
    )


def test_the_time_in_the_queue_is_none_in_which_the_view_waited():
    spans = server()
    spans[0] = replace(spans[0], attributes={**spans[0].attributes, CPU_TIME: 0.7})
    assert "computing in workload.views.cpu" in sentence(*spans)  # 0.7 of 1.1 s, not of 1.5


def test_where_the_database_may_have_computed_nothing_is_claimed():
    view = span(1, None, Hop.APPLICATION, "view a.b", 0, 100, **{CPU_TIME: 0.05})
    sql = span(2, 1, Hop.APPLICATION, "SQL SELECT", 0, 45, db__system__name="sqlite")
    assert sentence(view, sql) == "100 ms: 55 ms in a.b, 45 ms waiting for SQLite in a.b"


def test_a_template():
    view = span(1, None, Hop.APPLICATION, "view a.b", 0, 10)
    assert sentence(view, span(2, 1, Hop.APPLICATION, "template list.html", 0, 9.5)) == (
        "10 ms: 9.5 ms rendering list.html"
    )


def proxy(*phases: Span, error: str | None = None) -> list[Span]:
    upstream = {UPSTREAM_SPLIT: "127.0.0.1:8000"}
    return [
        span(1, None, Hop.PROXY, "GET /", 0, 100, error=error),
        span(2, 1, Hop.PROXY, "try 127.0.0.1:8000", 0, 100, **upstream),
        *phases,
    ]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([span(1, None, Hop.PROXY, "GET /", 0, 3)], "3 ms: 3 ms in nginx"),
        (
            proxy(span(3, 2, Hop.PROXY, "connect", 0, 90), error="502"),
            "100 ms: 90 ms connecting nginx to 127.0.0.1:8000; error: 502",
        ),
        (
            proxy(span(3, 2, Hop.PROXY, "wait", 0, 90)),
            "100 ms: 100 ms waiting for 127.0.0.1:8000",
        ),
        (
            proxy(span(3, 2, Hop.PROXY, "wait", 0, 90), span(4, 1, Hop.SERVER, "GET /", 40, 45)),
            "100 ms: 95 ms between nginx and the server",
        ),
        (
            proxy(span(4, 1, Hop.APPLICATION, "WSGI", 50, 55)),
            "100 ms: 95 ms between nginx and the application",
        ),
        (
            [
                span(1, None, Hop.PROXY, "GET /", 0, 100),
                span(2, 1, Hop.PROXY, "try a:8000", 0, 90, **{UPSTREAM_SPLIT: "a:8000"}),
                span(3, 2, Hop.PROXY, "wait", 1, 90),
                span(4, 1, Hop.PROXY, "try b:8000", 90, 100, **{UPSTREAM_SPLIT: "b:8000"}),
                span(5, 1, Hop.SERVER, "GET /", 91, 99),
            ],
            "100 ms: 90 ms waiting for a:8000",
        ),
    ],
)
def test_a_proxy(spans: list[Span], said: str):
    assert sentence(*spans) == said


def test_a_client():
    client = span(1, None, Hop.CLIENT, "GET", 0, 100)
    wait = span(2, 1, Hop.CLIENT, "wait", 30, 100)
    resolve = span(3, 1, Hop.CLIENT, "resolve", 0, 30)
    assert sentence(client, wait, resolve) == (
        "100 ms: 70 ms waiting for the answer, 30 ms looking up the name"
    )
    nginx = span(4, 1, Hop.PROXY, "GET /", 60, 70)
    assert sentence(client, wait, resolve, nginx) == (
        "100 ms: 60 ms between client and proxy, 30 ms looking up the name"
    )


def test_nothing_took_any_time():
    assert sentence(span(1, None, Hop.SERVER, "GET /", 5, 5)) == "0 ms"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.000_000_4, "0 ms"),
        (0.000_042, "0.04 ms"),
        (0.000_42, "0.42 ms"),
        (0.004_2, "4.2 ms"),
        (0.009_96, "10 ms"),
        (0.048_4, "48 ms"),
        (0.999_6, "1 s"),
        (1.234, "1.23 s"),
        (61.26, "61.3 s"),
        (3600, "3600 s"),
    ],
)
def test_durations_in_words(seconds: float, words: str):
    assert in_words(seconds) == words
