"""Somebody compares two traces, watches a server, and sends a request."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.console.person import Open, sent
from tests.services.telling import telling
from tests.services.traces import through_gunicorn, through_paceline
from tests.unit.console.running import Console

WIDTHS = [360, 1600]


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


def test_a_path_without_its_slash_says_so_where_it_is_filled_in(open_page: Open):
    page = open_page()
    page.goto("/send/")
    path = page.get_by_label("path and query")
    path.fill("inspect/")
    assert not path.evaluate("field => field.checkValidity()")
    expect(path).to_have_attribute("title", "Begins with a slash")  # shown with its words


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
    for address in ("/traces/", one, f"/compare/?a={a}&b={b}", "/server/", "/send/", "/none/"):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        links = page.get_by_role("navigation", name="Pages").get_by_role("link").all()
        assert len({(link.bounding_box() or {})["y"] for link in links}) == 1, "one line"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        hidden = "all => all.filter((each) => each.scrollWidth > each.clientWidth).length"
        assert page.locator(".scroll:has(.comparison)").evaluate_all(hidden) == 0
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 25)"
        assert dark == (scheme == "dark")
