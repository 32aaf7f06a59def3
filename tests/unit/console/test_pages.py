"""The pages over HTTP: what may be asked of them, and what they tell programs."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests
from paceline.transport import listen

from tests.services.telling import telling
from tests.services.traces import through_paceline
from tests.unit.console.running import Console, eventually_equal
from tests.unit.tracing.peers import serving


@pytest.fixture(scope="module")
def dead_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One whose stack does not run: nobody listens on port 9."""
    folder = tmp_path_factory.mktemp("dead")
    with Console(folder, {"SITE_URL": "http://127.0.0.1:9"}) as running:
        yield running


@pytest.mark.parametrize("page", ["traces/", "compare/", "server/", "send/", f"traces/{'0' * 32}/"])
def test_no_copy_of_a_page_is_kept(console: Console, page: str):
    assert console.get(f"/{page}").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "page", ["", "traces/", "compare/", "server/", "server.json", "metrics", f"traces/{'0' * 32}/"]
)
def test_what_only_shows_takes_nothing(console: Console, page: str):
    with requests.Session() as person:
        form = person.get(f"{console.url}/send/")
        token = re.findall(r'csrfmiddlewaretoken" value="(\w+)', form.text)[0]
        answer = person.post(f"{console.url}/{page}", {"csrfmiddlewaretoken": token})
    assert answer.status_code == 405


def test_an_address_of_nothing_leads_to_the_pages(console: Console):
    answer = console.get("/no/<such>/")
    assert answer.status_code == 404
    assert "Nothing is at <code>/no/&lt;such&gt;/</code>" in answer.text
    assert 'href="/traces/"' in answer.text


def test_another_site_cannot_make_a_browser_send(console: Console):
    assert requests.post(f"{console.url}/send/", {"path": "/"}, timeout=20).status_code == 403


def ask_to_send(console: Console, **given: str) -> requests.Response:
    with requests.Session() as person:
        form = person.get(f"{console.url}/send/")
        token = re.findall(r'csrfmiddlewaretoken" value="(\w+)', form.text)[0]
        return person.post(f"{console.url}/send/", {"csrfmiddlewaretoken": token, **given})


@pytest.mark.parametrize("path", ["@evil.example/", "http://evil.example/", "", "evil"])
def test_only_a_path_can_be_sent_to(dead_end: Console, path: str):
    answer = ask_to_send(dead_end, path=path)
    assert answer.status_code == 400
    assert "begins with a slash" in answer.text


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/@evil.example/", "/\r\nHost: evil.example", "/\\evil.example"]
)
def test_no_path_leads_to_another_host(dead_end: Console, path: str):
    answer = ask_to_send(dead_end, path=path)
    assert answer.status_code == 502
    assert "http://127.0.0.1:9 gave no answer: Connection refused" in answer.text
    (trace_id,) = re.findall("/traces/([0-9a-f]{32})/", answer.text)
    eventually_equal(lambda: len(dead_end.spans(trace_id)), 3)
    attributes = {a["key"]: a["value"] for s in dead_end.spans(trace_id) for a in s["attributes"]}
    assert attributes["server.address"] == {"stringValue": "127.0.0.1"}


@pytest.mark.parametrize("method", ["TRACE", "get", "GET / HTTP/1.1\r\n"])
def test_another_method_is_not_sent(dead_end: Console, method: str):
    answer = ask_to_send(dead_end, path="/", method=method)
    assert answer.status_code == 400
    assert "The method is one of GET" in answer.text


def test_programs_get_what_the_servers_tell_and_the_collectors_counts(console: Console):
    console.send(*through_paceline())
    told = {"model": "pool", "workers": [{"pid": 7, "requests": 5, "threads": []}]}
    with telling(console.telemetry / "stats-box.sock", 200, json.dumps(told).encode):
        (server,) = console.get("/server.json").json()["servers"]
        metrics = console.get("/metrics")
    assert (server["name"], server["model"]) == ("box", "pool")
    assert metrics.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'paceline_requests_total{server="box",worker="7"} 5.0\n' in metrics.text
    assert "# TYPE wsgilab_spans_written_total counter\n" in metrics.text
    assert re.search(r"^wsgilab_spans_written_total \d+\.0$", metrics.text, re.MULTILINE)
    # What cannot be asked is told too.
    (gone,) = console.get("/server.json").json()["servers"]
    assert "refused" in gone["error"]
    assert 'paceline_up{server="box"} 0.0\n' in console.get("/metrics").text
    (console.telemetry / "stats-box.sock").unlink()


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "before=99999999999999999999", "status=%00", "min_ms=inf"]
)
def test_no_question_breaks_the_list(console: Console, query: str):
    assert console.get(f"/traces/?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("status=40x", "“40x” is no status: write 404, or 5xx for all of them."),
        ("min_ms=x", "“x” is no number of milliseconds (at least)."),
    ],
)
def test_a_filter_that_asks_for_nothing_is_told(console: Console, query: str, says: str):
    assert says in console.get(f"/traces/?{query}").text


def test_a_request_is_sent_where_the_proxy_is_by_the_name_that_people_call_it(tmp_path: Path):
    with listen("127.0.0.1:0").socket as proxy:
        proxy.setblocking(True)
        proxy.settimeout(20)
        where = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        names = {"SITE_URL": "http://lab.example:8080", "PROXY_URL": where}
        with Console(tmp_path, names) as console, requests.Session() as browser:
            form = browser.get(f"{console.url}/send/", timeout=20)
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
            assert token
            data = {"csrfmiddlewaretoken": token[1], "method": "GET", "path": "/a"}
            post = partial(
                browser.post, f"{console.url}/send/", data, timeout=20, allow_redirects=False
            )
            with ThreadPoolExecutor() as pool:
                answer = pool.submit(post)
                connection, _ = proxy.accept()
                with connection:
                    head = connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                assert answer.result().status_code == 302
    assert head.startswith(b"GET /a HTTP/1.1\r\nHost: lab.example:8080\r\n")


def test_a_request_goes_to_two_of_the_servers_side_by_side_and_both_traces_open(tmp_path: Path):
    seen: list[bytes] = []
    with serving(b"HTTP/1.1 204 No Content\r\n\r\n", seen=seen) as proxy:
        names = {
            "SITE_URL": "http://localhost:8080",
            "PROXY_URL": proxy,
            "VERSUS": "gunicorn bjoern",
        }
        with Console(tmp_path, names) as console:
            unknown = ask_to_send(console, path="/a", server="evil.example")
            answer = ask_to_send(console, path="/a", server="gunicorn", second="bjoern")
    assert (unknown.status_code, "The server is one of: gunicorn, bjoern." in unknown.text) == (
        400,
        True,
    )
    hosts = [re.findall(rb"Host: (\S+)", head)[0] for head in seen]
    assert hosts == [b"gunicorn.localhost:8080", b"bjoern.localhost:8080"]
    traces = [re.findall(rb"traceparent: 00-(\w{32})", head)[0].decode() for head in seen]
    assert answer.url == f"{console.url}/compare/?a={traces[0]}&b={traces[1]}"
    assert "Swap A and B" in answer.text
