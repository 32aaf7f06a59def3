"""Requests as their spans tell them."""

import pytest

from lab.advise.observing import see
from lab.tracing.names import CPU_TIME, MODEL, ROUTE, Hop
from tests.services.traces import through_gunicorn, through_paceline
from tests.unit.tracing.traces import request, span


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
