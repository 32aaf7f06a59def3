"""Requests as their spans tell them."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.advise.judging import Kind, judge
from lab.advise.observing import see, stored, with_others
from lab.trace.console import Console as Asked
from lab.trace.console import NoConsole
from lab.tracing.names import CPU_TIME, MODEL, ROUTE, Hop
from tests.services.stack import eventually
from tests.services.traces import through_gunicorn, through_paceline
from tests.unit.console.running import Console
from tests.unit.tracing.traces import request, span

MINUTE = 60_000_000_000


def test_a_request_is_what_it_was_in_the_application():
    seen = see(through_paceline("/entries/"))
    assert seen
    assert seen.what == "/entries/"
    assert seen.wall == pytest.approx(0.0487, abs=0.001)
    assert seen.cpu == pytest.approx(0.0049)
    assert 0 < seen.queue < 0.010
    assert 0.030 < seen.sql < seen.wall
    assert (seen.status, seen.method) == (200, "GET")
    assert (seen.server, seen.model) == ("paceline/0.1.0", "adaptive")


def test_a_server_that_does_not_tell_leaves_its_cpu_time_unknown():
    spans = [each for each in through_gunicorn() if CPU_TIME not in each.attributes]
    seen = see(spans)
    assert seen
    assert (seen.cpu, seen.queue, seen.server) == (None, 0.0, "gunicorn/27.0.1")
    assert see([each for each in spans if each.hop == Hop.CLIENT]) is None


def test_the_time_is_that_of_the_thread_whose_cpu_time_is_told():
    answer = {"http__response__status_code": 200, CPU_TIME: 0.005}
    server = span(20, None, Hop.SERVER, "GET /", 0, 30, **answer)
    application = span(21, 20, Hop.SERVER, "application", 14, 28)
    within = span(22, 21, Hop.APPLICATION, "WSGI a", 15, 27, **{CPU_TIME: 0.005})
    queue = span(23, 20, Hop.SERVER, "queue", 0, 4)
    receive = span(24, 20, Hop.SERVER, "receive", 4, 14)
    for spans, ms in (
        ([server, queue, receive, application, within], 14),
        ([server, queue, application, within], 26),
        ([server, application, within], 30),
        ([within], 12),
    ):
        seen = see(spans)
        assert seen
        assert (seen.wall, seen.cpu) == (pytest.approx(ms / 1000), 0.005)


def test_it_goes_by_its_route_by_its_path_or_by_the_name_it_is_given():
    view = span(32, 30, Hop.APPLICATION, "view a.b", 4, 58, **{ROUTE: "^entries/<int:pk>/"})
    assert getattr(see([*request(), view]), "what", "") == "/entries/<int:pk>/"
    assert getattr(see([*request(), view], "/entries/7/?a=b"), "what", "") == "/entries/7/?a=b"


def test_a_path_with_its_query_is_what_to_ask_again():
    server = span(
        20,
        None,
        Hop.SERVER,
        "GET /",
        0,
        10,
        url__path="/workload/io/",
        url__query="ms=5",
        **{CPU_TIME: 0.005, MODEL: "adaptive"},
    )
    seen = see([server])
    assert seen
    assert (seen.target, seen.what) == ("/workload/io/?ms=5", "/workload/io/")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("console")) as running:
        yield running


def test_what_a_console_has_stored_is_judged_by_path(
    console: Console, monkeypatch: pytest.MonkeyPatch
):
    began = time.time_ns()
    wanted = 0
    for scale in (0.9, 1, 1.1, 1.2) * 6:
        for path in ("/entries/", "/entries/new/"):
            spans = through_paceline(path, scale=scale)
            console.send(*(replace(s, start=s.start + MINUTE, end=s.end + MINUTE) for s in spans))
            wanted += len(spans)
    console.send(*through_paceline("/long/ago/"))
    eventually(lambda: console.counts()["written"] > wanted)
    monkeypatch.setattr("lab.advise.observing.PAGE", 7)  # so that pages follow each other
    requests = [*stored(Asked(console.url), began + MINUTE // 2, 1000)]
    assert len(requests) == 48
    # Written in one go they overlap, and nobody knows in which processes they were.
    requests = [replace(seen, pid=number) for number, seen in enumerate(requests)]
    entries, new = sorted(judge(with_others(requests)), key=lambda judged: judged.what)
    assert (entries.what, new.what) == ("/entries/", "/entries/new/")
    for judged in (entries, new):
        assert (judged.count, judged.kind) == (24, Kind.WAITS)
        assert judged.wall
        assert judged.wall.median == pytest.approx(0.0487 * 1.05, rel=0.1)
    assert len([*stored(Asked(console.url), 0, 5)]) == 5


def test_what_is_no_console_is_said(console: Console):
    with pytest.raises(NoConsole, match="no console answers"):
        [*stored(Asked("http://127.0.0.1:1"), 0, 10)]
    with pytest.raises(NoConsole, match="gave no list of traces"):
        [*stored(Asked(console.url + "/nowhere"), 0, 10)]
    assert console.get("/traces.json?limit=many").status_code == 400
    assert len(console.get("/traces.json?limit=2").json()["traces"]) == 2
