"""Somebody looks for a trace."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.console.person import Open, sent
from tests.services.traces import through_gunicorn, through_paceline
from tests.unit.console.running import Console


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
