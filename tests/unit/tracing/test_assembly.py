"""Putting traces together from spans that arrive as they like, their clocks as they are."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.tracing.assembly import Node, Trace, assemble
from lab.tracing.names import HOP, UNCERTAINTY, UPSTREAM_SPLIT, Hop
from lab.tracing.span import CLIENT, INTERNAL, SERVER, Span
from lab.tracing.trace import has_failed
from tests.unit.tracing.traces import MS, NOON, TRACE, request, span

HOPS = [str(hop) for hop in Hop]


def shape(trace: Trace) -> list[tuple[str, str, int, int, int]]:
    """All that a trace says of each span: its parent, times, and share of the time."""
    return [
        (n.span.span_id, n.parent.span.span_id if n.parent else "", n.start, n.end, n.self_time)
        for n in trace.walk()
    ]


def by_number(trace: Trace) -> dict[int, Node]:
    return {int(node.span.span_id, 16): node for node in trace.walk()}


def union(trace: Trace) -> int:
    """Nanoseconds in which any root was at work."""
    total, until = 0, 0
    for root in sorted(trace.roots, key=lambda root: root.start):
        total += max(0, root.end - max(root.start, until))
        until = max(until, root.end)
    return total


@st.composite
def any_spans(draw: st.DrawFn) -> list[Span]:
    """Spans with any parents (missing ones, circles), any times, hops and uncertainties."""
    ids = st.integers(1, 12)
    moments = st.integers(NOON, NOON + 20 * MS)
    return draw(
        st.lists(
            st.builds(
                lambda own, parent, start, end, hop, kind, wrong: Span(
                    TRACE,
                    f"{own:016x}",
                    f"{parent:016x}" if parent else "",
                    "queue" if kind == INTERNAL else "GET /",
                    start,
                    end,
                    {HOP: hop, **({UNCERTAINTY: 0.001} if wrong else {})},
                    kind=kind,
                    resource={"service.name": hop},
                ),
                ids,
                st.one_of(st.none(), st.integers(1, 16)),
                moments,
                moments,
                st.sampled_from([*HOPS, ""]),
                st.sampled_from([1, 2, 3]),
                st.booleans(),
            ),
            min_size=1,
            max_size=14,
        )
    )


@given(any_spans(), st.randoms(use_true_random=False))
@settings(max_examples=400)
def test_whatever_comes_gives_one_tree_that_fits(spans: list[Span], chance: random.Random):
    trace = assemble(spans)
    assert sorted(n.span.span_id for n in trace.walk()) == sorted({s.span_id for s in spans})
    for node in trace.walk():
        assert node.start <= node.end
        assert all(child.parent is node for child in node.children)
        assert node.parent is None or (
            node.parent.start <= node.start and node.end <= node.parent.end
        )
    assert sum(node.self_time for node in trace.walk()) == union(trace)
    again = spans + chance.choices(spans, k=3)
    chance.shuffle(again)
    assert shape(assemble(again)) == shape(trace)
    assert assemble(again).sentence == trace.sentence


def test_the_hops_hang_together():
    nodes = by_number(assemble(request()))
    parents = {n: int(node.parent.span.span_id, 16) for n, node in nodes.items() if node.parent}
    told = {int(s.span_id, 16): int(s.parent_id, 16) for s in request() if s.parent_id}
    # nginx names itself as the server's parent; the try that reached it is meant.
    assert parents == {**told, 20: 11}


def test_a_trace_in_short():
    trace = assemble(request())
    assert (trace.trace_id, trace.method, trace.path) == (TRACE, "GET", "/entries")
    assert (trace.status, trace.server, trace.error) == (200, "paceline/0.1.0", None)
    assert trace.start == NOON
    assert trace.duration == pytest.approx(0.061)
    assert trace.queue == pytest.approx(0.0021)
    assert trace.hops == ["client", "proxy", "server", "application"]


def test_rounded_times_give_way_to_exact_ones_and_stay_in_their_bounds():
    nodes = by_number(assemble(request()))
    for number in (20, 21, 22, 30, 33):  # the server's and the application's are exact: untouched
        assert (nodes[number].start, nodes[number].end) == (
            nodes[number].span.start,
            nodes[number].span.end,
        )
    whole, attempt, server = nodes[10], nodes[11], nodes[20]
    assert (whole.start, whole.end) == (server.start, server.end)
    assert (attempt.start, attempt.end) == (server.start, server.end)
    assert nodes[12].start == attempt.start  # what began with it still does
    assert nodes[10].span.start == NOON + MS  # and what was logged can be read


@given(st.integers(0, 3 * MS), st.integers(0, 3 * MS), st.integers(0, 50 * MS), st.randoms())
def test_a_proxy_that_rounds_never_bends_its_neighbours(
    before: int, between: int, work: int, chance: random.Random
):
    def rounded(time: int) -> int:
        return time // MS * MS + chance.choice([0, MS])  # down, or up by a pass of its event loop

    true_start, true_end = NOON + before, NOON + before + 2 * between + work
    client = span(1, None, Hop.CLIENT, "GET", 0, 0)
    client = replace(client, end=true_end + before)
    proxy = span(2, 1, Hop.PROXY, "GET /", 0, 0)
    proxy = replace(proxy, start=rounded(true_start), end=rounded(true_end))
    server = span(3, 2, Hop.SERVER, "GET /", 0, 0)
    server = replace(server, start=true_start + between, end=true_end - between)
    nodes = by_number(assemble([client, proxy, server]))
    assert (nodes[3].start, nodes[3].end) == (server.start, server.end)
    assert abs(nodes[2].start - proxy.start) <= MS
    assert abs(nodes[2].end - proxy.end) <= MS


@pytest.mark.parametrize("seconds", [-7200, -1.5, 0.2, 86400])
def test_a_client_whose_clock_is_off_changes_only_when_it_all_was(seconds: float):
    off = [
        replace(s, start=s.start + int(seconds * 1e9), end=s.end + int(seconds * 1e9))
        if s.hop == Hop.CLIENT
        else s
        for s in request()
    ]
    trace = assemble(off)
    straight = by_number(assemble(request()))
    for number, node in by_number(trace).items():
        assert node.duration == pytest.approx(straight[number].duration, abs=0.0016), number
    nodes = by_number(trace)
    there, back = nodes[10].start - nodes[1].start, nodes[1].end - nodes[10].end
    assert there == pytest.approx(back, abs=1.6 * MS)  # as long as each other; nginx gives way then
    assert there > 0
    assert trace.duration == pytest.approx(0.061)
    assert trace.sentence.startswith("61 ms: 48 ms waiting for SQLite")


def test_a_server_that_tidies_up_after_the_answer_is_cut_off_and_not_moved():
    late = [replace(s, end=s.end + 30 * MS) if s.span_id.endswith("014") else s for s in request()]
    nodes = by_number(assemble(late))
    assert nodes[20].start == nodes[20].span.start
    assert nodes[20].end == nodes[10].end == NOON + 61 * MS  # nginx's 60, and its 1 of uncertainty


@pytest.mark.parametrize(
    ("missing", "child", "parent"),
    [
        ({10, 11, 12, 13, 14}, 20, 1),  # nginx's line was lost: the client stands in
        ({1, 2, 3, 4, 5}, 10, None),  # a browser keeps its spans to itself
        ({20, 21, 22}, 30, 11),  # gunicorn says nothing
        ({22}, 30, 20),
        ({31}, 32, 30),  # a step of the same process, if it has time for it
        ({31, 30}, 32, 22),
        ({1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 20, 21, 22}, 30, None),
    ],
)
def test_the_nearest_hop_at_work_stands_in_for_a_missing_parent(
    missing: set[int], child: int, parent: int | None
):
    spans = [s for s in request() if int(s.span_id, 16) not in missing]
    node = by_number(assemble(spans))[child]
    found = int(node.parent.span.span_id, 16) if node.parent else None
    assert found == parent


def test_a_server_goes_below_the_try_that_reached_it():
    tried = [
        span(10, None, Hop.PROXY, "GET /", 0, 40),
        span(11, 10, Hop.PROXY, "try 127.0.0.1:8000", 0, 10, **{UPSTREAM_SPLIT: "127.0.0.1:8000"}),
        span(12, 10, Hop.PROXY, "try 127.0.0.1:8000", 10, 40, **{UPSTREAM_SPLIT: "127.0.0.1:8001"}),
        span(20, 10, Hop.SERVER, "GET /", 10.5, 39.5),
        span(21, 10, Hop.SERVER, "GET /", 1, 9),
    ]
    nodes = by_number(assemble(tried))
    assert nodes[20].parent is nodes[12]
    assert nodes[21].parent is nodes[11]


def test_two_requests_of_one_trace_do_not_adopt_each_other():
    two = [
        span(1, 99, Hop.PROXY, "GET /", 0, 50),
        span(2, 99, Hop.PROXY, "GET /", 10, 20),
        span(3, 98, Hop.SERVER, "GET /", 11, 19),
        span(4, 97, Hop.SERVER, "GET /", 30, 49),
    ]
    trace = assemble(two)
    assert [int(root.span.span_id, 16) for root in trace.roots] == [1, 2]
    nodes = by_number(trace)
    assert nodes[3].parent is nodes[2]
    assert nodes[4].parent is nodes[1]


def test_a_very_long_chain_is_no_matter_of_recursion():
    chain = [
        span(n, n - 1 or None, Hop.APPLICATION, "middleware m.M", 0, 9) for n in range(1, 3000)
    ]
    assert len([*assemble(chain).walk()]) == 2999


def test_of_two_spans_with_one_id_the_fuller_counts():
    bare = span(1, None, Hop.SERVER, "GET /", 0, 5)
    full = replace(bare, end=NOON + 4 * MS, attributes={**bare.attributes, "url.path": "/x"})
    assert assemble([bare, full]).path == assemble([full, bare]).path == "/x"


def test_the_innermost_error_is_the_cause():
    spans = [
        span(1, None, Hop.PROXY, "GET /", 0, 9, http__response__status_code=500),
        span(2, 1, Hop.SERVER, "GET /", 1, 8, error="500"),
        span(3, 2, Hop.APPLICATION, "view a.b", 2, 7, error="KeyError: 'name'"),
    ]
    trace = assemble(spans)
    assert (trace.error, trace.status) == ("KeyError: 'name'", 500)
    assert assemble(spans[:1]).error == "500 Internal Server Error"
    assert assemble([replace(spans[0], kind=SERVER, attributes={})]).error is None


def test_without_a_span_there_is_no_trace():
    with pytest.raises(ValueError, match="no spans"):
        assemble([])


@pytest.mark.parametrize(
    ("hop", "kind", "status", "failed"),
    [
        (Hop.CLIENT, CLIENT, 404, False),
        (Hop.CLIENT, CLIENT, 502, True),
        (Hop.PROXY, CLIENT, 502, False),
        (Hop.PROXY, SERVER, 502, True),
        (Hop.PROXY, SERVER, 499, True),
        (Hop.APPLICATION, INTERNAL, None, True),
    ],
)
def test_which_errors_are_the_requests(hop: Hop, kind: int, status: int | None, failed: bool):
    attributes = {HOP: hop} | ({} if status is None else {"http.response.status_code": status})
    one = Span("1" * 32, "1" * 16, "", "GET /", 1, 2, attributes, kind=kind, error="failed")
    assert has_failed(one) is failed
    assert (assemble([one]).error is not None) is (failed or (status or 0) >= 500)


def test_nginx_has_not_begun_before_the_client_sent():
    client = span(1, None, Hop.CLIENT, "GET", 0.0, 10.0)
    send = span(2, 1, Hop.CLIENT, "send", 1.6, 1.7)
    proxy = span(3, 1, Hop.PROXY, "GET /", 1.0, 9.0)
    nodes = by_number(assemble([client, send, proxy]))
    assert nodes[3].start == nodes[2].start
    early = replace(proxy, start=NOON)  # then it is moved as far as it may be wrong, and no farther
    assert by_number(assemble([client, send, early]))[3].start == NOON + MS
