"""One request through the whole stack gives one trace, with every hop in its place."""

import json
import os
from typing import Any

import requests

from lab.tracing import names
from lab.tracing.assembly import assemble
from lab.tracing.span import Span, decode
from lab.tracing.trace import Node, Trace
from tests.e2e.stacks import Site, of, on, on_guestbooks
from tests.services.stack import eventually

PARENT = "b7ad6b7169203331"
SECRET = "hunter2"


def spans_of(site: Site, trace_id: str) -> list[Span]:
    answer = requests.get(f"{site.console}/traces/{trace_id}.json", timeout=30)
    return [*decode(answer.json())] if answer.status_code == 200 else []


def traced(site: Site, path: str, method: str = "GET", **options: Any) -> tuple[Trace, list[Span]]:
    """Makes a request that belongs to a trace of its own; returns the trace once it is whole."""
    trace_id = os.urandom(16).hex()
    headers = {"traceparent": f"00-{trace_id}-{PARENT}-01", **options.pop("headers", {})}
    requests.request(method, site.http + path, headers=headers, timeout=30, **options)
    found: list[Span] = []

    def whole() -> bool:
        found[:] = spans_of(site, trace_id)
        return {"proxy", "application"} <= {span.hop for span in found}

    eventually(whole)
    return assemble(found), found


def walk(trace: Trace) -> list[Node]:
    return [node for root in trace.roots for node in root.walk()]


@on_guestbooks
def test_every_hop_is_there_and_within_the_one_before(stack: Site):
    trace, spans = traced(stack, "/")
    nodes = {node.span.name: node for node in walk(trace)}
    proxy = next(span for span in spans if span.hop == "proxy" and span.parent_id == PARENT)
    server = next(
        span for span in spans if span.hop == "server" and span.parent_id == proxy.span_id
    )
    assert (proxy.name, server.name) == ("GET /", "GET /")
    assert proxy.attributes["http.response.status_code"] == 200
    assert server.attributes["http.response.status_code"] == 200
    assert server.resource["service.name"] == stack.server
    for name in ("application", "WSGI config.wsgi", "template guestbook/entry_list.html"):
        assert name in nodes, sorted(nodes)
    assert any(name.startswith("view ") for name in nodes)
    assert any(name.startswith("SQL SELECT") for name in nodes)
    for node in nodes.values():
        for child in node.children:
            assert node.start <= child.start <= child.end <= node.end
    assert sum(node.self_time for node in walk(trace)) <= trace.roots[0].end - trace.roots[0].start
    assert str(round(trace.duration * 1000)) in trace.sentence or "ms" in trace.sentence


@on_guestbooks
def test_every_answer_says_where_its_time_went_and_which_trace_it_is(stack: Site):
    for path in ("/", "/static/guestbook/favicon.svg", "/nothing-like-it/"):
        timing = requests.get(stack.http + path, timeout=30).headers["Server-Timing"]
        assert 'trace;desc="00-' in timing
        assert "proxy;dur=" in timing


@on_guestbooks
def test_secrets_are_in_no_span(stack: Site):
    _, spans = traced(
        stack,
        "/workload/json/?token=hunter2",
        headers={"Authorization": "Bearer hunter2", "Cookie": "session=hunter2"},
    )
    said = json.dumps([[dict(span.attributes), span.name] for span in spans])
    assert SECRET not in said
    assert "session" in said  # so the heads are there


@on_guestbooks
def test_the_console_shows_the_trace(stack: Site):
    trace, spans = traced(stack, "/")
    page = requests.get(f"{stack.console}/traces/{spans[0].trace_id}/", timeout=30)
    assert page.status_code == 200
    assert trace.sentence.partition(":")[2][:20] in page.text or "SQL" in page.text


@on_guestbooks
def test_a_reload_while_tracing_loses_nothing(stack: Site):
    trace_ids = []
    for number in range(40):
        trace_id = os.urandom(16).hex()
        headers = {"traceparent": f"00-{trace_id}-{PARENT}-01"}
        if number == 10:
            stack.reload()
        assert requests.get(f"{stack.http}/healthz", headers=headers, timeout=30).status_code == 200
        trace_ids.append(trace_id)
    left = set(trace_ids)

    def all_there() -> bool:
        for trace_id in [*left]:
            if {"proxy", "server"} <= {span.hop for span in spans_of(stack, trace_id)}:
                left.discard(trace_id)
        return not left

    eventually(all_there)


@on(of("local", SERVER="paceline"))
def test_a_request_that_waits_for_a_thread_says_so(stack: Site):
    trace, spans = traced(stack, "/workload/io/?ms=50")
    server = next(span for span in spans if names.MODEL in span.attributes)
    assert server.attributes[names.MODEL] == "adaptive"
    assert trace.queue is not None
    assert "50 ms" in trace.sentence or "wait" in trace.sentence
