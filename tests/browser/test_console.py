"""Somebody looks at traces: with a mouse, a keyboard, a finger, and without scripts."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lab.tracing.names import Hop
from lab.tracing.span import CLIENT, Span
from tests.browser.conftest import opener
from tests.services.stack import eventually
from tests.services.telling import telling
from tests.services.traces import Story, through_gunicorn, through_paceline
from tests.unit.console.running import Console

Open = Callable[..., Page]

WIDTHS = [360, 1600]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


class Stack(BaseHTTPRequestHandler):
    """What stands in for nginx and all behind it."""

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = json.dumps([self.command, self.path, self.rfile.read(size).decode()]).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def stack() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stack) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, stack: str) -> Iterator[Console]:
    """One for all tests that do not count what is in it."""
    with Console(tmp_path_factory.mktemp("console"), {"SITE_URL": stack}) as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path, stack: str) -> Iterator[Console]:
    """One that has seen no trace yet."""
    with Console(tmp_path, {"SITE_URL": stack}) as running:
        yield running


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Open]:
    """Pages of the empty console, where a test asks for that, else of the other one."""
    which = "empty" if "empty" in request.fixturenames else "console"
    with opener(browser, request.getfixturevalue(which).url) as open_page:
        yield open_page


def sent(console: Console, spans: list[Span]) -> str:
    """Puts a trace in, and waits until it can be read; its address."""
    console.send(*spans)
    address = f"/traces/{spans[0].trace_id}/"
    expect_status(console, address, 200)
    return address


def expect_status(console: Console, address: str, status: int) -> None:
    eventually(lambda: console.get(address).status_code == status)


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("treeitem").filter(has_text=text).first


# --- Traces --------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do_and_fills_by_itself(
    open_page: Open, empty: Console, stack: str
):
    page = open_page()
    page.goto("/")
    expect(page).to_have_url(f"{empty.url}/traces/")
    expect(page.get_by_text(f"curl -i {stack}/")).to_be_visible()
    expect(page.get_by_role("link", name="send one from here")).to_be_visible()
    empty.send(*through_paceline())
    expect(page.get_by_role("link", name="GET /entries/")).to_be_visible()
    expect(page.get_by_text("No request has been traced yet")).to_be_hidden()


def test_new_traces_come_to_the_top_and_known_ones_stay_one(open_page: Open, empty: Console):
    first = through_paceline("/first/")
    sent(empty, first[-3:])
    page = open_page()
    page.goto("/traces/")
    rows = page.locator("tr[data-trace]")
    expect(rows).to_have_count(1)
    empty.send(*first[:-3])
    expect(page.get_by_role("link", name="GET /first/")).to_be_visible()
    empty.send(*through_paceline("/second/"))
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("/second/")


STOP_LIVE = "document.querySelector('[data-live] input').click()"
HIDE = (
    "Object.defineProperty(document, 'hidden', {value: !document.hidden, configurable: true});"
    "document.dispatchEvent(new Event('visibilitychange'))"
)


@pytest.mark.parametrize("switch", [STOP_LIVE, HIDE], ids=["live", "tab"])
def test_nobody_is_asked_where_nobody_looks(open_page: Open, empty: Console, switch: str):
    page = open_page()
    page.clock.install()
    page.goto("/traces/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(re.compile("after=")):
        page.clock.run_for(1000)
    page.evaluate(switch)
    asked.clear()
    sent(empty, through_paceline("/second/"))
    page.clock.run_for(10_000)
    assert asked == []
    page.evaluate(switch)
    expect(page.get_by_role("link", name="GET /second/")).to_be_visible()


def test_the_filter_is_in_the_address(open_page: Open, empty: Console):
    sent(empty, through_paceline("/slow/", 200, 5))
    sent(empty, through_gunicorn("/quick/"))
    sent(empty, through_paceline("/broken/", 500))
    page = open_page()
    page.goto("/traces/")
    rows = page.locator("tr[data-trace]")
    for fill, expected in (
        ({"path has": "low"}, ["/slow/"]),
        ({"status": "5xx"}, ["/broken/"]),
        ({"at least, ms": "100"}, ["/slow/"]),
        ({"at most, ms": "50"}, ["/quick/"]),
    ):
        page.get_by_role("link", name="Traces").click()
        for label, value in fill.items():
            page.get_by_label(label).fill(value)
        page.get_by_role("button", name="Filter").click()
        expect(rows).to_have_count(len(expected))
        expect(rows.first).to_contain_text(expected[0])
        page.reload()
        expect(rows).to_have_count(len(expected))
        for label, value in fill.items():
            expect(page.get_by_label(label)).to_have_value(value)
    page.get_by_role("link", name="Clear").click()
    expect(rows).to_have_count(3)
    page.get_by_label("server").select_option("gunicorn/27.0.1")
    page.get_by_label("path has").fill("nowhere")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("heading", name="No trace is like that")).to_be_visible()
    # What comes and is not meant does not appear, what is meant does.
    empty.send(*through_gunicorn("/else/"), *through_gunicorn("/nowhere/"))
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("/nowhere/")


def test_a_number_that_is_none_is_told(open_page: Open, empty: Console):
    sent(empty, through_paceline())
    page = open_page()
    page.goto("/traces/?min_ms=soon&max_ms=nan&after=")
    expect(page.get_by_role("alert").first).to_contain_text("“soon” is no number")
    expect(page.locator("tr[data-trace]")).to_have_count(1)


# --- One trace -----------------------------------------------------------------------------------


def test_a_trace_says_where_the_time_went(open_page: Open, console: Console):
    address = sent(console, through_paceline("/whole/"))
    page = open_page()
    page.goto("/traces/")
    page.get_by_role("link", name="GET /whole/").click()
    expect(page).to_have_url(re.compile(address))
    expect(page.locator(".sentence")).to_contain_text("waiting for SQLite in guestbook.views.index")
    legend = page.locator(".legend")
    for words in (
        "client",
        "nginx proxy",
        "queue 7.40 ms",
        "paceline server",
        "django application",
    ):
        expect(legend).to_contain_text(words)
    expect(row(page, "127.0.0.1:8001")).to_contain_text("failed")
    sql = page.get_by_role("region", name="SQL")
    expect(sql.locator("tbody tr")).to_have_count(3)
    expect(sql).to_contain_text("2 times the same")
    facts = page.get_by_role("region", name="Worker, thread, CPU")
    expect(facts).to_contain_text("rider-2")
    expect(facts).to_contain_text("9 % computing")


def test_pointing_at_a_row_gives_its_numbers(open_page: Open, console: Console):
    page = open_page(viewport={"width": 1280, "height": 900})
    page.goto(sent(console, through_paceline()))
    panel = page.get_by_role("complementary", name="One row's numbers")
    expect(panel).to_contain_text("SQL SELECT")  # what took longest
    row(page, "queue").hover()
    expect(panel.get_by_role("heading", name="paceline queue")).to_be_visible()
    expect(panel).to_contain_text("7.40 ms")
    row(page, "GET /entries/").click()
    expect(panel).to_contain_text("±1.00 ms")
    page.get_by_role("heading", name="Where the time went").hover()
    expect(panel).to_contain_text("±1.00 ms")
    page.reload()
    expect(panel).to_contain_text("±1.00 ms")


def test_the_waterfall_by_keyboard(open_page: Open, console: Console):
    page = open_page(viewport={"width": 1280, "height": 900})
    page.goto(sent(console, through_paceline()))
    panel = page.get_by_role("complementary", name="One row's numbers")
    rows = page.get_by_role("treeitem")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    expect(panel.get_by_role("heading", name="client connect")).to_be_visible()
    page.keyboard.press("End")
    expect(rows.last).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(rows.first).to_be_focused()
    shown = rows.locator("visible=true")
    expect(shown).not_to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_count(1)
    expect(rows.first).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(row(page, "queue")).to_be_visible()
    row(page, "queue").focus()
    page.keyboard.press("Enter")
    expect(row(page, "queue")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") != "treeitem"


def test_the_waterfall_by_finger(open_page: Open, console: Console):
    page = open_page(**PHONE)
    page.goto(sent(console, through_paceline()))
    panel = page.get_by_role("complementary", name="One row's numbers")
    row(page, "queue").tap()
    expect(panel.get_by_role("heading", name="paceline queue")).to_be_in_viewport()
    panel.get_by_role("button", name="Close the numbers").tap()
    expect(panel.get_by_role("heading", name="paceline queue")).to_be_hidden()


def test_it_can_be_read_without_scripts(open_page: Open, console: Console):
    page = open_page(java_script_enabled=False)
    page.goto(sent(console, through_paceline()))
    row(page, "queue").click()
    panel = page.get_by_role("complementary", name="One row's numbers")
    expect(panel.get_by_role("heading", name="paceline queue")).to_be_visible()
    expect(panel.get_by_role("heading", name="client connect")).to_be_hidden()
    page.goto("/traces/")
    expect(page.get_by_role("link", name="GET /entries/").first).to_be_visible()


def test_what_nginx_changed_is_marked(open_page: Open, console: Console):
    page = open_page()
    page.goto(sent(console, through_paceline()))
    request = page.locator(".passage").filter(has=page.get_by_role("heading", name="The request"))
    expect(request).to_contain_text("the proxy added 4, changed 1, dropped 1")
    expect(request.get_by_role("row", name="dropped Connection: close")).to_be_visible()
    expect(request.get_by_role("row", name="added X-Forwarded-For")).to_be_visible()
    environ = page.get_by_role("region", name="From the head to the WSGI environ")
    expect(environ.get_by_role("row", name="User-Agent HTTP_USER_AGENT lab")).to_be_visible()
    expect(environ.get_by_role("row", name="X_Odd none 1")).to_be_visible()
    page.get_by_text("Body, the first 42 B").first.click()
    expect(page.get_by_text("Gästebuch").first).to_be_visible()


def test_what_a_server_cannot_tell_is_told(open_page: Open, console: Console):
    page = open_page()
    page.goto(sent(console, through_gunicorn()))
    expect(page.get_by_role("region", name="Worker, thread, CPU")).to_contain_text(
        "gunicorn has no hook between accept and head read"
    )
    expect(page.get_by_text("What the server received is not known")).to_be_visible()


def test_a_trace_is_exported(open_page: Open, console: Console):
    spans = through_paceline()
    page = open_page()
    page.goto(sent(console, spans))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as OTLP JSON").click()
    exported = json.loads(Path(download.value.path()).read_text())
    told = [s for r in exported["resourceSpans"] for c in r["scopeSpans"] for s in c["spans"]]
    assert len(told) == len(spans)


def test_a_page_waits_for_its_trace_and_for_the_rest_of_it(open_page: Open, console: Console):
    spans = through_paceline()
    page = open_page()
    answer = page.goto(f"/traces/{spans[0].trace_id}/")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Waiting for the trace")).to_be_visible()
    console.send(*spans[:5])
    expect(page.get_by_role("heading", name="GET /entries/")).to_be_visible()
    console.send(*spans[5:])
    expect(row(page, "queue")).to_be_visible()


def test_a_trace_that_never_comes_is_given_up(open_page: Open):
    page = open_page()
    answer = page.goto(f"/traces/{'a' * 32}/?waited=7")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such trace")).to_be_visible()
    page.goto("/traces/nonsense/")
    expect(page.get_by_role("heading", name="There is no such trace")).to_be_visible()


def test_hostile_spans_are_shown_as_what_they_are(open_page: Open, console: Console):
    story = Story()
    evil = "<script>document.title='taken'</script><img src=x onerror=alert(1)>\u202e"
    story.add(
        None, Hop.CLIENT, evil, evil, 0, 5,
        {"http.request.method": evil, "url.path": f"/{evil}", "wsgilab.environ": f'{{"{evil}": 1',
         "wsgilab.request.head": evil, "wsgilab.cpu_time": "much", "db.query.text": evil},
        [(1, evil)], CLIENT, evil,
    )  # fmt: skip
    page = open_page()
    page.goto(sent(console, story.spans))
    expect(page.locator("h1")).to_contain_text("<script>document.title")
    assert "taken" not in page.title().split("</script>")[-1]
    assert page.locator("main script, main img").count() == 0
    page.goto("/traces/")
    expect(page.locator("tr[data-trace]").first).to_contain_text("\\u202e")
    assert page.locator("main script, main img").count() == 0


# --- Compare -------------------------------------------------------------------------------------


def test_two_traces_are_compared(open_page: Open, console: Console):
    sent(console, through_gunicorn("/same/other/"))
    sent(console, through_gunicorn("/same/"))
    address = sent(console, through_paceline("/same/"))
    page = open_page()
    page.goto(address)
    page.get_by_role("link", name="Compare with…").click()
    choices = page.get_by_role("region", name="Choose the second").get_by_role("listitem")
    expect(choices).to_have_count(1)
    choices.get_by_role("link").click()
    table = page.get_by_role("table", name="How long each hop took")
    expect(table.get_by_role("row", name="paceline / gunicorn")).to_be_visible()
    expect(table.get_by_role("row", name="the whole 61.0 ms 42.7 ms")).to_contain_text(
        "B is faster"
    )
    expect(page.get_by_role("tree")).to_have_count(2)
    page.get_by_role("tree").first.get_by_role("treeitem").filter(has_text="queue").click()
    expect(page.get_by_role("heading", name="paceline queue")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Swap A and B").click()
    expect(table.get_by_role("row", name="the whole 42.7 ms 61.0 ms")).to_contain_text(
        "B is slower"
    )


def test_a_trace_alone_says_how_to_get_a_second(open_page: Open, console: Console):
    address = sent(console, through_paceline("/only/"))
    page = open_page()
    page.goto(f"/compare/?a={address.split('/')[2]}")
    page.get_by_role("link", name="Send the request again").click()
    expect(page.get_by_label("path and query")).to_have_value("/only/")
    page.goto(f"/compare/?a={'b' * 32}")
    expect(page.get_by_role("alert")).to_contain_text("There is no trace")


# --- Server now ----------------------------------------------------------------------------------


def test_without_a_server_that_tells_the_page_says_so(open_page: Open):
    page = open_page()
    page.goto("/server/")
    expect(page.get_by_role("heading", name="No server tells what it does")).to_be_visible()


def test_what_every_thread_does_is_seen_as_it_changes(open_page: Open, console: Console):
    thread = {"name": "rider-1", "state": "blocked", "request": "GET /slow/", "seconds": 0.25}
    idle = [{"name": f"rider-{n}", "state": "idle"} for n in (2, 3)]
    worker = {"pid": 7, "state": "ready", "requests": 100, "threads": [thread, *idle]}
    told = {"version": "0.1.0", "model": "adaptive", "workers": [worker]}
    body = [json.dumps(told)]
    with telling(console.telemetry / "stats-box.sock", 200, lambda: body[0].encode()):
        page = open_page()
        page.goto("/server/")
        server = page.get_by_role("region", name="paceline 0.1.0, adaptive box")
        busy = server.get_by_role("row", name="rider-1 blocked GET /slow/ 250 ms")
        expect(busy).to_be_visible()
        expect(server).to_contain_text("idle 2: rider-2, rider-3")
        thread["state"] = "<b>running</b>"
        worker["requests"] = 140
        body[0] = json.dumps(told)
        expect(server.get_by_role("row", name="rider-1 <b>running</b>")).to_be_visible()
        expect(server.get_by_text(re.compile(r"^\d+\.\d$"))).to_be_visible()  # a second
    expect(page.get_by_text("it does not answer")).to_be_visible()


# --- Send ----------------------------------------------------------------------------------------


def test_a_request_is_sent_and_its_trace_opens(open_page: Open):
    page = open_page()
    page.goto("/send/")
    page.get_by_label("method").select_option("POST")
    page.get_by_label("path and query").fill("/böser pfad/?q=1")
    page.get_by_label("header fields").fill("X-One: 1\nX-Two: 2")
    page.get_by_label("body").fill("a=1")
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(re.compile("/traces/[0-9a-f]{32}/"))
    expect(page.get_by_role("heading", name="POST /b")).to_be_visible()
    expect(page.get_by_text("X-Two: 2").first).to_be_visible()


@pytest.mark.parametrize(
    ("path", "headers", "why"),
    [
        ("//evil.example/", "no colon", "is no header field"),
        ("/", "Bad Name: 1", "This makes no request"),
    ],
)
def test_what_cannot_be_sent_is_told_and_kept(open_page: Open, path: str, headers: str, why: str):
    page = open_page()
    page.goto("/send/")
    page.get_by_label("path and query").fill(path)
    page.get_by_label("header fields").fill(headers)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text(why)
    expect(page.get_by_label("path and query")).to_have_value(path)
    expect(page.get_by_label("header fields")).to_have_value(headers)


# --- Every page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_the_screen(open_page: Open, console: Console, width: int, scheme: str):
    one = sent(console, through_paceline("/" + "long/" * 30))
    other = sent(console, through_gunicorn("/" + "long/" * 30))
    a, b = (address.split("/")[2] for address in (one, other))
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for address in ("/traces/", one, f"/compare/?a={a}&b={b}", "/server/", "/send/"):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 25)"
        assert dark == (scheme == "dark")
