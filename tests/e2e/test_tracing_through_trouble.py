"""What becomes of traces while parts of the stack come and go, and where nobody wants any."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from lab.tracing import names
from lab.tracing.assembly import Trace
from lab.tracing.context import new_id
from lab.tracing.span import Span, encode
from tests.e2e import stacks
from tests.e2e.asked import CLIENT, Asked, ask, named
from tests.e2e.stacks import ContainerSite, Site, on_containers, on_guestbooks
from tests.e2e.visitor import Visitor
from tests.services.stack import eventually


@on_guestbooks
def test_a_reload_while_tracing_loses_nothing(stack: Site):
    def one(number: int) -> Asked:
        if number == 10:
            stack.reload()
        return ask(stack, "/workload/io/?ms=5")

    with ThreadPoolExecutor(4) as clients:
        asked = [*clients.map(one, range(60))]
    for each in asked:
        assert each.answer.status_code == 200
        each.trace("server", "application")  # nginx, which stays, may lose a line under load


@on_containers
def test_without_the_console_all_goes_on_and_with_it_traces_come_again(stack: ContainerSite):
    # One that a reload has replaced, and that ends meanwhile, could tell nobody what it served.
    eventually(lambda: len(stack.workers()) == 1)
    before = ask(stack, "/")
    before.trace()
    stack.compose("stop", "console")
    try:
        meanwhile = [ask(stack, "/") for _ in range(3)]
    finally:
        stack.compose("start", "console")
    for each in meanwhile:
        assert each.answer.status_code == 200
        assert each.trace_id in each.answer.headers["Server-Timing"]

    eventually(before.spans)
    # Each of nginx's processes learns from its first line that the socket it knew has gone.
    eventually(lambda: told_by_nginx(ask(stack, "/")))
    for each in meanwhile:
        each.trace("server", "application")  # the server kept its part, as nginx cannot
        assert "proxy" not in {span.hop for span in each.spans()}
    said = stack.server_log()
    assert said.count("lab: the collector takes no traces") == 1
    assert said.count("lab: the collector takes traces again") == 1


def told_by_nginx(asked: Asked) -> bool:
    """Whether nginx has told of a request, by the time the server has, which waits to do so."""
    asked.trace("server", "application")
    return "proxy" in {span.hop for span in asked.spans()}


def test_a_request_that_a_server_died_of_shows_each_try(tmp_path: Path):
    with (
        stacks.local(tmp_path / "stack", {"SERVER": "paceline", "APP": "tiny"}) as site,
        ThreadPoolExecutor(1) as client,
    ):
        asking = client.submit(ask, site, "/workload/io/?ms=5000")
        eventually(lambda: "/workload/io/" in requests.get(f"{site.console}/server.json").text)
        site.kill_workers()
        asked = asking.result()
        assert asked.answer.status_code == 200
        assert tries(asked.trace()) == ["no answer", None]


def tries(trace: Trace) -> list[str | None]:
    """How each server fared that nginx asked, one after the other."""
    return [n.span.error for n in trace.walk() if names.UPSTREAM_SPLIT in n.span.attributes]


def test_sampled_follows_the_client(tmp_path: Path):
    words = {"SERVER": "paceline", "APP": "tiny", "LAB_TRACE": "sampled"}
    with stacks.local(tmp_path / "stack", words) as site:
        unwanted = [ask(site, "/workload/json/", flags="00")]
        answer = Visitor(site.http).get("/workload/json/")  # of a client that knows of no traces
        unwanted.append(Asked(site, answer.headers["X-Request-ID"], answer))
        wanted = ask(site, "/workload/json/")

        whole = named(wanted.trace(), r"WSGI tiny\.app")
        assert [node.span.hop for node in whole.ancestors()][-1] == "proxy"
        for each in unwanted:
            assert each.spans() == []
            timing = each.answer.headers["Server-Timing"]
            assert each.trace_id in timing
            assert "app;dur=" not in timing


def test_off_leaves_requests_and_answers_as_they_are(tmp_path: Path):
    words = {"SERVER": "gunicorn", "APP": "tiny", "LAB_TRACE": "off"}
    with stacks.local(tmp_path / "stack", words) as site:
        asked = ask(site, "/inspect/", headers={"tracestate": "a=b"})
        assert "Server-Timing" not in asked.answer.headers
        seen = {name.lower(): value for name, value in asked.answer.json()["headers"].items()}
        assert seen["traceparent"] == f"00-{asked.trace_id}-{CLIENT}-01"
        assert seen["tracestate"] == "a=b"
        assert "x-request-start" not in seen

        # What a process was still to tell, it tells at its end; what comes later is stored later.
        before = site.workers()
        site.reload()
        eventually(lambda: not before & site.workers())
        await_another(site)
        assert asked.spans() == []


def await_another(site: Site) -> None:
    """Has the console store a span, and waits until it has."""
    span = Span(new_id(16), new_id(8), "", "another", 1, 2)
    said = requests.post(f"{site.console}/v1/traces", json=encode([span]), timeout=30)
    assert said.status_code == 200
    eventually(Asked(site, span.trace_id, said).spans)
