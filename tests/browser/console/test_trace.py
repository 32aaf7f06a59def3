"""Somebody looks at one trace: with a mouse, a keyboard, a finger, and without scripts."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from lab.tracing.names import Hop
from lab.tracing.span import CLIENT
from tests.browser.console.person import Open, row, sent
from tests.services.traces import Story, through_gunicorn, through_paceline
from tests.unit.console.running import Console

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


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
