"""One request through the whole stack gives one trace, with every hop in its place."""

import re

import pytest
import requests

from lab.tracing import names
from tests.e2e.asked import CLIENT, Asked, ask, named
from tests.e2e.stacks import Site, on_guestbooks
from tests.e2e.visitor import Visitor, token_of

pytestmark = on_guestbooks

SECRET = "hunter2-and-more"

WAY = [
    ("proxy", r"GET /"),
    ("proxy", r"try .+"),
    ("server", r"GET /"),
    ("server", r"application"),
    ("application", r"WSGI config\.wsgi"),
    ("application", r"middleware .+\.SecurityMiddleware"),
    *[("application", r"middleware .+Middleware")] * 6,
    ("application", r"view guestbook\.views\.EntryList"),
    ("application", r"SQL SELECT"),
]
"""From the client on, each below the one before."""


def test_every_hop_is_there_in_its_place(stack: Site):
    trace = ask(stack, "/").trace()
    [root] = trace.roots
    assert root.span.parent_id == CLIENT

    way = [*named(trace, "SQL SELECT").ancestors()][::-1]
    assert [node.span.hop for node in way] == [hop for hop, _ in WAY]
    for node, (_, name) in zip(way, WAY, strict=True):
        assert re.fullmatch(name, node.span.name)
    proxy, attempt, server, application, *_ = way
    assert [child.span.name for child in attempt.children if child.span.hop == "proxy"] == [
        "connect",
        "wait",
        "receive",
    ]
    assert proxy.span.attributes["http.response.status_code"] == 200
    assert server.span.attributes["http.response.status_code"] == 200
    # As they said it themselves; the rest is put together by their times.
    assert attempt.span.parent_id == server.span.parent_id == proxy.span.span_id
    assert application.span.parent_id == server.span.span_id
    template = named(trace, r"template guestbook/entry_list\.html")
    assert server in template.ancestors()


def test_no_child_sticks_out_and_the_sum_is_the_whole(stack: Site):
    trace = ask(stack, "/workload/db/").trace()
    for node in trace.walk():
        for child in node.children:
            assert node.start <= child.start <= child.end <= node.end
    [root] = trace.roots
    assert sum(node.self_time for node in trace.walk()) == root.end - root.start


def test_a_wait_is_found_where_it_was(stack: Site):
    trace = ask(stack, "/workload/io/?ms=80").trace()
    assert re.search(r"8\d ms waiting in workload\.views\.\w+", trace.sentence), trace.sentence


def test_a_server_tells_what_it_knows_and_says_what_it_does_not(stack: Site):
    trace = ask(stack, "/").trace()
    server = named(trace, "application").parent
    assert server
    told = [event.name for event in server.span.events]
    assert trace.server.startswith(f"{stack.server}/")
    assert server.span.resource["service.name"] == stack.server
    assert names.CPU_TIME in server.span.attributes
    steps = [child.span.name for child in server.children]
    if stack.server == "paceline":
        assert names.UNKNOWN not in server.span.attributes
        assert "first byte" in told
        assert steps == ["queue", "receive", "application"]
        assert trace.queue > 0
    else:
        unknown = str(server.span.attributes[names.UNKNOWN])
        assert "when the connection was accepted" in unknown
        assert "how long the request waited for a thread" in unknown
        assert "receive" not in steps
        assert "application called" in told


@pytest.mark.parametrize(
    "path", ["/", "/static/guestbook/favicon.svg", "/static/no", "/not/there/"]
)
def test_every_answer_says_which_trace_and_what_took_how_long(stack: Site, path: str):
    asked = ask(stack, path)
    timing = asked.answer.headers["Server-Timing"]
    assert f'trace;desc="00-{asked.trace_id}-' in timing
    assert re.search(r"\bproxy;dur=\d+", timing)
    by_the_server = not path.startswith("/static/")
    assert bool(re.search(r"\bapp;dur=\d+\.\d+", timing)) == by_the_server
    trace = asked.trace(*(() if by_the_server else ("proxy",)))
    assert trace.status == asked.answer.status_code
    assert ("try" in [node.span.name.split()[0] for node in trace.walk()]) == by_the_server


def test_no_secret_of_a_request_is_in_any_span(stack: Site):
    asked = ask(
        stack,
        f"/accounts/login/?token={SECRET}&next=/%3Fapi_key%3D{SECRET}",
        "POST",
        headers={
            "Authorization": f"Bearer {SECRET}",
            "Cookie": f"guestbook_session={SECRET}; other={SECRET}",
            "X-Api-Key": SECRET,
            "Referer": f"{stack.http}/?password={SECRET}",
        },
        json={"username": "ada", "password": SECRET},
    )
    asked.trace()
    assert SECRET not in asked.told().text
    assert "token=***" in asked.told().text


def test_no_secret_of_a_person_is_in_any_span(stack: Site, visitor: Visitor):
    pages = [visitor.get("/accounts/signup/"), visitor.sign_up()]
    visitor.session.cookies.clear()
    pages += [visitor.get("/accounts/login/"), visitor.log_in(), visitor.sign("no secret")]
    answers = [answer for page in pages for answer in (*page.history, page)]
    assert [answer.status_code for answer in answers] == [200, 302, 200] * 2 + [302, 200]
    secrets = {visitor.account.password, *visitor.session.cookies.values()}
    secrets |= {token_of(answer) for answer in answers if "csrfmiddlewaretoken" in answer.text}
    for answer in answers:
        secrets |= {*answer.cookies.values()}

    for answer in answers:
        # A trace that begins at the proxy is called as the request is.
        asked = Asked(stack, answer.headers["X-Request-ID"], answer)
        asked.trace()
        told = asked.told().text
        assert [secret for secret in secrets if secret in told] == []
    assert len(secrets) >= 5


def test_a_page_leads_to_its_own_trace(stack: Site):
    asked = ask(stack, "/")
    url = f"{stack.console}/traces/{asked.trace_id}/"
    assert f'<a href="{url}">' in asked.answer.text
    trace = asked.trace()
    page = requests.get(url, timeout=30)
    assert page.status_code == 200
    assert "view guestbook.views.EntryList" in page.text
    assert trace.trace_id in page.text


def test_the_console_shows_what_the_server_does_now(stack: Site):
    told = requests.get(f"{stack.console}/server.json", timeout=30).json()["servers"]
    answering = [server for server in told if "error" not in server]
    assert len(answering) == (1 if stack.server == "paceline" else 0)  # gunicorn cannot tell
    for server in answering:
        assert {worker["pid"] for worker in server["workers"]} == stack.workers()
