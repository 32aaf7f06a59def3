"""One request through the whole stack gives one trace, with every hop in its place."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from lab.tracing import names
from lab.tracing.assembly import Node, Trace, assemble
from lab.tracing.span import Span, decode
from tests.e2e import stacks
from tests.e2e.stacks import Site, on_guestbooks
from tests.e2e.visitor import Visitor
from tests.services.stack import eventually

CLIENT = "b7ad6b7169203331"
SECRET = "hunter2-and-more"


@dataclass(frozen=True)
class Asked:
    """An answer, and the trace that its request belongs to."""

    site: Site
    trace_id: str
    answer: requests.Response

    def spans(self) -> list[Span]:
        """What the console has of it by now."""
        told = requests.get(f"{self.site.console}/traces/{self.trace_id}.json", timeout=30)
        return [*decode(told.json())] if told.status_code == 200 else []

    def trace(self, *hops: str) -> Trace:
        """The trace, once these hops have told."""
        eventually(lambda: {*hops} <= {span.hop for span in self.spans()})
        return assemble(self.spans())


def ask(site: Site, path: str, method: str = "GET", flags: str = "01", **options: Any) -> Asked:
    """Makes a request that belongs to a trace of its own."""
    trace_id = os.urandom(16).hex()
    headers = {"traceparent": f"00-{trace_id}-{CLIENT}-{flags}", **options.pop("headers", {})}
    answer = requests.request(method, site.http + path, headers=headers, timeout=30, **options)
    return Asked(site, trace_id, answer)


def named(trace: Trace, pattern: str) -> Node:
    """The first node of a name."""
    return next(node for node in trace.walk() if re.fullmatch(pattern, node.span.name))


@on_guestbooks
def test_every_hop_is_there_in_its_place(stack: Site):
    trace = ask(stack, "/").trace("proxy", "server", "application")
    way = [
        ("proxy", "GET /"),
        ("proxy", r"try .+"),
        ("server", "GET /"),
        ("server", "application"),
        ("application", r"WSGI config\.wsgi"),
        ("application", r"middleware .+SecurityMiddleware"),
        *[("application", r"middleware .+")] * 6,
        ("application", r"view guestbook\.views\..+"),
    ]
    [node] = trace.roots
    assert node.span.parent_id == CLIENT
    for hop, name in way:
        assert (node.span.hop, bool(re.fullmatch(name, node.span.name))) == (hop, True), name
        node = next(
            (
                c
                for c in node.children
                if not c.span.name.endswith("process_view")
                and c.span.name not in ("connect", "wait", "receive", "queue")
            ),
            node,
        )
    for part in ("connect", "wait", "queue", r"template guestbook/entry_list\.html", "SQL SELECT"):
        assert named(trace, part)
    assert named(trace, "GET /").span.attributes["http.response.status_code"] == 200
    assert trace.server.startswith(stack.server)


@on_guestbooks
def test_no_child_sticks_out_and_the_sum_is_the_whole(stack: Site):
    trace = ask(stack, "/workload/db/").trace("proxy", "server", "application")
    for node in trace.walk():
        for child in node.children:
            assert node.start <= child.start <= child.end <= node.end
    assert sum(node.self_time for node in trace.walk()) == trace.roots[0].end - trace.roots[0].start


@on_guestbooks
def test_a_wait_is_found_where_it_was(stack: Site):
    trace = ask(stack, "/workload/io/?ms=80").trace("proxy", "server", "application")
    assert re.search(r"8\d ms waiting in workload\.views\.\w+", trace.sentence), trace.sentence


@on_guestbooks
def test_what_a_server_cannot_tell_is_said(stack: Site):
    trace = ask(stack, "/").trace("proxy", "server", "application")
    server = next(n for n in trace.walk() if n.span.hop == "server")
    told = [event.name for event in server.span.events]
    if stack.server == "paceline":
        assert names.UNKNOWN not in server.span.attributes
        assert "first byte" in told
    else:
        assert "when the connection was accepted" in str(server.span.attributes[names.UNKNOWN])
        assert "application called" in told
    assert names.CPU_TIME in server.span.attributes


@on_guestbooks
@pytest.mark.parametrize("path", ["/", "/static/guestbook/favicon.svg", "/not/there/"])
def test_every_answer_says_which_trace_and_what_took_how_long(stack: Site, path: str):
    asked = ask(stack, path)
    timing = asked.answer.headers["Server-Timing"]
    assert f'trace;desc="00-{asked.trace_id}-' in timing
    assert re.search(r"proxy;dur=\d+", timing)
    assert "proxy" in {node.span.hop for node in asked.trace("proxy").walk()}


@on_guestbooks
def test_no_secret_is_in_any_span(stack: Site):
    url = f"/workload/json/?token={SECRET}"
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"guestbook_session={SECRET}"}
    form = {"username": "ada", "password1": SECRET, "password2": SECRET}
    for one in (
        ask(stack, url, headers=headers),
        ask(stack, "/accounts/signup/", "POST", data=form),
    ):
        one.trace("proxy", "server", "application")
        said = json.dumps([[span.name, {**span.attributes}] for span in one.spans()])
        assert SECRET not in said
        assert "/workload/json/?token=*** HTTP" in said or "POST /accounts/signup/ HTTP" in said


@on_guestbooks
def test_a_page_leads_to_its_own_trace(stack: Site, visitor: Visitor):
    asked = ask(stack, "/")
    assert f"{stack.console}/traces/{asked.trace_id}/" in asked.answer.text
    trace = asked.trace("proxy", "server", "application")
    page = requests.get(f"{stack.console}/traces/{asked.trace_id}/", timeout=30)
    assert page.status_code == 200
    assert f"{trace.method} " in page.text


@on_guestbooks
def test_a_reload_while_tracing_loses_nothing(stack: Site):
    asked = []
    for number in range(30):
        if number == 10:
            stack.reload()
        asked.append(ask(stack, "/workload/json/"))
        assert asked[-1].answer.status_code == 200
    for one in asked:
        one.trace("proxy", "server", "application")


@pytest.fixture(scope="module")
def sampling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stack that follows the client's flag, with the tiny application."""
    words = {"SERVER": "paceline", "APP": "tiny", "LAB_TRACE": "sampled"}
    with stacks.local(tmp_path_factory.mktemp("stack"), words) as site:
        yield site


def test_sampled_follows_the_client(sampling: Site):
    passed_over = ask(sampling, "/workload/json/", flags="00")
    wanted = ask(sampling, "/workload/json/")
    trace = wanted.trace("proxy", "server", "application")
    assert named(trace, r"WSGI tiny\.app")
    assert passed_over.spans() == []
    assert "app;dur=" not in passed_over.answer.headers["Server-Timing"]
