"""Somebody starts a bench, watches it, stops it, and looks at what was found."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import opener
from tests.browser.console.person import Open
from tests.services.requirements import need
from tests.unit.console.measured import written
from tests.unit.console.running import Console

BROKEN = """all => all.filter((each) => {
    const words = document.createRange();
    words.selectNodeContents(each);
    return words.getClientRects().length > 1;
}).map((each) => each.textContent)"""
"""Which of some single words stand on several lines."""

MEASURED = Path(__file__).parents[2] / "unit" / "lab" / "measured.json"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that may measure, with results that are there already."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "bench").mkdir()
    shutil.copy(MEASURED, folder / "bench" / "first.json")
    for name, rate in {"before": 1e4, "after": 12e3}.items():
        written(folder / "bench" / f"{name}.json", {"paceline nginx unix 2w": rate}, commit=name)
    for number in "12":
        name = folder / "bench" / f"{'x' * 64}{number}.json"
        many = {f"paceline:thread containers uwsgi 16w {n}t 1000c": 9e7 for n in range(3)}
        written(name, many, commit="c" * 40 + number, load="l" * 200)
    with Console(folder, {"LAB_BENCH": str(folder / "bench")}) as running:
        yield running


@pytest.fixture
def open_bench(browser: Browser, bench: Console) -> Iterator[Open]:
    with opener(browser, bench.url) as open_page:
        yield open_page


def choose(page: Page, group: str, *names: str) -> None:
    """Ticks these boxes of a group, and no others; to click each of them takes seconds."""
    boxes = page.get_by_role("group", name=group)
    ticked = boxes.locator("input:checked").evaluate_all("all => all.map((each) => each.value)")
    for name in {*ticked} ^ {*names}:
        boxes.locator(f"input[value='{name}']").set_checked(name in names)


def test_a_bench_is_started_watched_and_stopped(open_bench: Open):
    need("wrk")
    page = open_bench()
    page.goto("/bench/")
    choose(page, "servers", "floor")
    choose(page, "workloads", "hello")
    page.get_by_label("connections at once").fill("2")
    page.get_by_label("rounds").fill("30")
    page.get_by_label("seconds of each run").fill("1")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="A bench is running")).to_be_visible()
    # What follows comes without anybody's doing.
    expect(page.get_by_text("of 30 runs")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("progressbar", name="runs")).to_have_attribute("max", "30")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="The last bench stopped")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="What it found", exact=True).click()
    expect(page.get_by_role("img", name="Requests per second")).to_be_visible()


def test_a_form_that_makes_no_bench_keeps_what_was_given(open_bench: Open):
    page = open_bench()
    page.goto("/bench/")
    choose(page, "servers")
    choose(page, "workloads", "upload")
    choose(page, "ways", "nginx")
    choose(page, "binds", "unix", "tcp")
    page.get_by_label("workers").fill("1,2")
    page.get_by_label("threads of each").fill("default,16")
    page.get_by_label("rounds").fill("7")
    page.get_by_label("compare with").select_option("before")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one server")
    expect(page.get_by_label("rounds")).to_have_value("7")
    expect(page.get_by_label("workers")).to_have_value("1,2")
    expect(page.get_by_label("threads of each")).to_have_value("default,16")
    expect(page.get_by_label("compare with")).to_have_value("before")
    for name in ("upload", "nginx", "unix", "tcp"):
        expect(page.locator(f"input[value='{name}']")).to_be_checked()
    for name in ("hello", "direct"):
        expect(page.locator(f"input[value='{name}']")).not_to_be_checked()


def test_two_results_are_chosen_and_compared_by_keyboard(open_bench: Open):
    page = open_bench()
    page.goto("/bench/")
    page.get_by_role("link", name="Compare two results").press("Enter")
    page.get_by_label("old").press("b")
    expect(page.get_by_label("old")).to_have_value("before")
    page.keyboard.press("Tab")
    page.keyboard.press("a")
    expect(page.get_by_label("new")).to_have_value("after")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    row = page.get_by_role("row", name="requests/s")
    expect(row).to_contain_text("1.20 ±0.00")
    expect(row.get_by_text("faster")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("commit was before and is after")
    page.reload()
    expect(row).to_contain_text("1.20 ±0.00")  # the address keeps the choice
    page.get_by_role("link", name="Swap them").press("Enter")
    expect(row).to_contain_text("0.83 ±0.00")
    expect(row.get_by_text("slower")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_a_result_fits_the_screen_with_its_colours(open_bench: Open, width: int, scheme: str):
    page = open_bench(viewport={"width": width, "height": 800}, color_scheme=scheme)
    long = "/bench/compare/?old={0}1&new={0}2".format("x" * 64)
    for address in ("/bench/", "/bench/compare/?old=before&new=after", long, "/bench/first/"):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        hidden = "all => all.filter((each) => each.scrollWidth > each.clientWidth).length"
        assert page.locator(".scroll:has(.changes)").evaluate_all(hidden) == 0
        assert page.locator(".facts th").evaluate_all(BROKEN) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    expect(page.get_by_role("img", name="Requests per second")).to_be_visible()
    expect(page.get_by_role("img", name="Latency at 70 % load")).to_be_visible()
    fill = {"light": "rgb(11, 102, 195)", "dark": "rgb(90, 169, 255)"}[scheme]
    bar = page.locator(".plot .paceline .amount").first
    expect(bar).to_have_css("fill", fill)
    expect(bar).to_have_css("height", "10px")  # no sheet of the console touches it


def test_the_project_of_the_stack_stands_in_the_place_of_the_workloads(
    browser: Browser, tmp_path: Path
):
    project = {"APP_PATH": str(tmp_path), "APP_WSGI": "shop:app"}
    with (
        Console(tmp_path, {"LAB_BENCH": str(tmp_path), **project}) as console,
        opener(browser, console.url) as open_page,
    ):
        page = open_page()
        page.goto("/bench/")
        need("wrk")
        workloads = page.get_by_role("group", name="workloads")
        paths = page.get_by_label("paths to ask")
        expect(paths).to_have_value("/")
        expect(workloads).to_be_hidden()
        page.get_by_label("shop:app").press("Space")
        expect(workloads).to_be_visible()
        expect(paths).to_be_hidden()
