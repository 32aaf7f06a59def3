"""The page that puts two results of the bench beside each other, over HTTP and by its scale."""

import re
from collections.abc import Iterator

import pytest

from lab.bench.comparison import FIGURES, Change
from lab.bench.results import Spread
from lab.console.pages.bench_compare import Line, Scale
from tests.unit.console.measured import written
from tests.unit.console.running import Console

BOTH = "/bench/compare/?old=before&new=after"

RATES = {"paceline": 1e4, "floor": 5e4}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with some results."""
    folder = tmp_path_factory.mktemp("compare")
    results = folder / "bench"
    results.mkdir()
    written(results / "before.json", {**RATES, "granian": 9e3, "waitress": 1.0}, wrk="4.1")
    written(
        results / "after.json",
        {"paceline": 12e3, "floor": 5e4, "uwsgi <b>": 1.0},
        wrk="4.2",
        beware="it was not quiet",
    )
    written(results / "elsewhere.json", {"paceline": 1.0}, CPU="AMD <EPYC>, 2 cores")
    written(results / "another.json", {"cheroot": 1.0})
    (results / "tea.json").write_text("tea")
    with Console(folder, {"LAB_BENCH": str(results)}) as running:
        yield running


def rows(page: str) -> dict[tuple[str, str], list[str]]:
    """The cells of words of each row, by server and figure."""
    found: dict[tuple[str, str], list[str]] = {}
    for body in re.findall(r"<tbody>(.*?)</tbody>", page, re.DOTALL):
        (server,) = re.findall(r'scope="rowgroup"[^>]*>([^<]*)', body)
        for figure, cells in re.findall(r'<th scope="row">([^<]*)</th>(.*?)</tr>', body):
            found[server, figure] = re.findall(r"<td[^>]*>([^<]*)</td>", cells)
    return found


def test_each_cell_of_both_has_its_ratio_with_the_noise(bench: Console):
    page = bench.get(BOTH).text
    shown = rows(page)
    assert {server for server, _ in shown} == {"paceline", "floor"}
    assert shown["paceline", "requests/s"] == [
        "10,030.0 ±10.0",
        "12,036.0 ±12.0",
        "1.20 ±0.00",
        "faster",
    ]
    assert shown["paceline", "CPU µs/request"][2:] == ["0.83 ±0.00", "cheaper"]
    assert shown["floor", "requests/s"][2:] == ["1.00 ±0.00", "tie"]
    assert page.count('<svg class="ratio"') == len(shown)
    assert not re.search(r"\sstyle=|<style|<script(?! type=\"module\" src)", page)


def test_what_is_not_the_same_and_what_is_not_compared_is_told(bench: Console):
    page = bench.get(BOTH).text
    assert "wrk was 4.1 and is 4.2" in page
    assert "CPU was" not in page
    assert "it was not quiet" in page
    assert "not compared: hello, granian, waitress: not in the new" in page
    assert "not compared: hello, uwsgi &lt;b&gt;: not in the old" in page


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("old=elsewhere&new=after", "CPU was AMD &lt;EPYC&gt;, 2 cores and is Z80, 2 cores"),
        ("old=before&new=before", "Both are the same result"),
        ("old=another&new=after", "No cell is in both"),
        ("new=after", '<option value="after" selected>'),
        ("", "choose one"),
    ],
)
def test_where_there_is_nothing_to_compare_the_page_says_why(bench: Console, asked: str, said: str):
    answer = bench.get(f"/bench/compare/?{asked}")
    assert answer.status_code == 200
    assert said in answer.text
    assert rows(answer.text) == {}
    assert '<option value="tea"' not in answer.text


@pytest.mark.parametrize("name", ["tea", "none", "../bench/after", "<i>"])
def test_a_name_that_is_not_in_the_list_is_refused(bench: Console, name: str):
    answer = bench.get("/bench/compare/", params={"old": name, "new": "after"})
    assert answer.status_code == 404
    assert "There is no result" in answer.text
    assert "<i>" not in answer.text


def change(old: float, new: float, scatter: float = 0.0) -> Change:
    before, after = (Spread(value, value, value, 5, mad=scatter * value) for value in (old, new))
    return Change("hello", "paceline", FIGURES[0], before, after)


def test_the_scale_has_one_in_its_middle_and_ends_at_the_furthest():
    scale = Scale.around([change(100, 200), change(100, 80)])
    assert [scale.share(ratio) for ratio in (0.5, 1, 2)] == pytest.approx([0, 0.5, 1])
    assert Scale.around([change(100, 100)]).most == pytest.approx(1.1)
    wide = Scale.around([change(100, 1e6), change(100, 0)])
    assert wide.most == 4
    assert [wide.share(ratio) for ratio in (-1, 0, 1e9)] == [0, 0, 1]


def test_noise_that_reaches_past_the_scale_is_drawn_to_its_ends():
    line = Line(change(100, 101, scatter=9.0), Scale(2.0))
    assert line.kind == ""
    assert 'class="noise" x="0.00%" width="100.00%"' in line.picture
    assert Line(change(100, 50), Scale(2.0)).kind == "worse"
