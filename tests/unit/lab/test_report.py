"""What `lab report` makes of results: who is ahead, plots, a page."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from lab.bench.latency import SHARES
from lab.bench.open_loop import histogram
from lab.bench.results import Results, Run
from lab.cli import main
from lab.report import bars, curves, page
from lab.report.files import load
from lab.report.measures import CPU, RATE, leaders, places
from lab.serve import read_servers
from lab.svg import Logarithmic, Panel, picture
from tests.unit.webapp.test_style import luminance

MEASURED = Path(__file__).with_name("measured.json")
"""What `lab bench` found in two rounds of a second."""

WORKLOAD = "hello"


def results(**rates: list[float] | str) -> Results:
    """One workload: the rates of each server by round, or why it is void."""
    runs = []
    for server, found in rates.items():
        if isinstance(found, str):
            runs.append(Run(WORKLOAD, server, 1, (), void=found))
            continue
        for number, rate in enumerate(found, 1):
            figures = {RATE.figure: rate, CPU.figure: 1e6 / rate}
            runs.append(Run(WORKLOAD, server, number, (f"run {server}",), figures))
    return Results({"CPU": "one"}, [WORKLOAD], list(rates), runs)


@pytest.fixture(scope="module")
def measured() -> Results:
    return Results.load(MEASURED)


def test_labels_leave_out_what_all_have_in_common():
    made = page.body(results(**{"a nginx 64c": [10.0, 10.0], "b nginx 64c": [5.0, 5.0]}))
    assert "64c" not in made.partition('id="commands"')[0]
    assert "each server: nginx" in made


class TestPlaces:
    def test_the_best_is_first_whether_more_or_less_is_better(self):
        found = results(slow=[1.0, 2.0], fast=[10.0, 11.0])
        assert [each.server for each in places(found, WORKLOAD, RATE)] == ["fast", "slow"]
        assert [each.server for each in places(found, WORKLOAD, CPU)] == ["fast", "slow"]

    def test_a_tie_with_the_first_is_said_and_no_other(self):
        found = results(a=[10.0, 10.0], b=[9.0, 11.0], c=[5.0, 5.0])
        order = places(found, WORKLOAD, RATE)
        assert [(each.server, each.tie) for each in order] == [
            ("a", False),
            ("b", True),
            ("c", False),
        ]
        assert leaders(order) == "a, a tie with b"

    def test_the_floor_is_no_server_that_could_be_ahead(self):
        found = results(floor=[99.0, 99.0], a=[10.0, 10.0], void="answered 500")
        order = places(found, WORKLOAD, RATE)
        assert [each.server for each in order] == ["floor", "a", "void"]
        assert leaders(order) == "a"

    def test_where_all_is_void_nobody_is_ahead(self):
        found = results(a="answered 500")
        assert leaders(places(found, WORKLOAD, RATE)) == "-"


class TestBars:
    def test_a_bar_ends_at_the_median_and_its_line_at_the_extremes(self):
        drawn = bars.bars(results(a=[50.0, 75.0, 100.0]), WORKLOAD, RATE).content
        assert 'width="75.00%"' in drawn
        assert re.findall(r'class="whisker" x1="([\d.]+)%" x2="([\d.]+)%"', drawn)[0] == (
            "50.00",
            "100.00",
        )

    def test_what_ties_is_marked_and_what_is_void_has_no_bar(self):
        panel = bars.bars(results(a=[10.0, 10.0], b=[9.0, 11.0], c="no"), WORKLOAD, RATE)
        assert f"a 10 ±0; b {bars.TIE} 10 ±1" in panel.description
        assert panel.content.count(bars.TIE) == 1
        assert panel.content.count("<rect") == 2
        assert "c no figure" in panel.description

    def test_groups_of_processes_are_stacked_and_one_alone_is_not(self):
        alone = results(a=[100.0])
        assert bars.cost(alone, WORKLOAD) is None
        run = Run(WORKLOAD, "a", 1, (), {CPU.figure: 30.0, "proxy_cpu_us": 10.0})
        panel = bars.cost(Results({}, [WORKLOAD], ["a"], [run]), WORKLOAD)
        assert panel is not None
        assert "server 30 + nginx 10" in panel.description
        assert re.findall(r'<rect class="amount[^"]*" x="([\d.]+)%"', panel.content) == [
            "0.00",
            "75.00",
        ]

    def test_a_server_has_one_colour_whatever_its_model(self):
        assert bars.mark("gunicorn") == bars.mark("gunicorn:sync nginx 2w") == "gunicorn"
        assert bars.mark("tomcat") == "other"


class TestCurves:
    def test_a_curve_is_that_of_all_rounds_together(self):
        runs = []
        for number, microseconds in enumerate((1_000, 9_000), 1):
            times = histogram()
            times.record_value(microseconds, 500)
            encoded = {f"at{SHARES[0]}_latency": times.encode().decode()}
            runs.append(Run(WORKLOAD, "a", number, (), histograms=encoded))
        found = Results({}, [WORKLOAD], ["a"], runs)
        (panel,) = curves.curves(found, WORKLOAD)
        whole = curves.merged(found, WORKLOAD, SHARES[0])["a"]
        assert whole.get_total_count() == 1_000
        line = curves.curve(whole)
        assert line[0] == (0.0, pytest.approx(1.0, rel=0.01))
        assert line[-1] == (pytest.approx(3.0), pytest.approx(9.0, rel=0.01))
        assert "p90 and p99: a 9.0, 9.0 ms" in panel.description

    def test_candidates_of_one_server_are_drawn_in_different_ways(self):
        looks = curves.dashes(["paceline", "gunicorn", "gunicorn:sync", "gunicorn nginx"])
        assert looks == {"paceline": 0, "gunicorn": 0, "gunicorn:sync": 1, "gunicorn nginx": 2}

    def test_a_curve_ends_at_the_longest(self):
        times = histogram()
        times.record_value(1_000, 999)
        times.record_value(50_000)
        *others, last = curves.curve(times)
        assert others[-1][1] == pytest.approx(1.0, rel=0.01)
        assert last == (pytest.approx(3.0), pytest.approx(50.0, rel=0.01))

    def test_without_histograms_there_is_none(self):
        assert curves.curves(results(a=[1.0]), WORKLOAD) == []


class TestPage:
    def test_it_asks_nobody_for_anything_and_runs_nothing(self, measured: Results):
        made = page.page(measured)
        assert not re.search(r"(src|href|url\(|import)[=\s(\"']*(https?:)?//", made)
        assert "<script" not in made
        assert "prefers-color-scheme: dark" in made

    def test_it_holds_what_a_sceptic_asks_for(self, measured: Results):
        made = page.page(measured)
        for said in (*measured.facts.values(), "seed 7", "granian", "taskset -c", "gunicorn:sync"):
            assert said.replace("'", "&#x27;") in made

    def test_every_plot_is_named_and_described(self, measured: Results):
        plots = re.findall(r"</figcaption>(.*?)</figure>", page.body(measured), re.DOTALL)
        assert len(plots) > 6
        for plot in plots:
            root = ElementTree.fromstring(plot)
            named = (root.get("aria-labelledby") or "").split()
            assert [child.get("id") for child in root][:2] == named
            assert all(child.text for child in [*root][:2])

    def test_no_identifier_is_there_twice(self, measured: Results):
        found = re.findall(r'\sid="([^"]+)"', page.page(measured))
        assert len(found) == len(set(found)) > 20

    def test_a_void_cell_stands_with_its_reason_and_what_it_says_is_text(self):
        made = page.body(results(a=[1.0], b="answered <b>500</b>"))
        assert "answered &lt;b&gt;500&lt;/b&gt; (round 1)" in made
        assert "<b>500" not in made

    def test_figures_with_their_spread_stand_as_figures(self):
        made = page.body(results(a=[1.0, 2.0, 4.0], b=[8.0, 9.0, 9.5]))
        assert '<td class="figure">2 ±1 (1-4)</td>' in made
        assert '<th scope="col" class="figure">requests/s</th>' in made
        assert '<th scope="col">workload</th>' in made

    def test_a_workload_that_the_lab_has_no_more_is_shown(self):
        run = Run("of-old", "a", 1, ("run a",), {RATE.figure: 5.0})
        assert "of-old" in page.body(Results({}, ["of-old"], ["a"], [run]))


class TestStyle:
    SHEET = page.style(alone=True)

    def test_every_server_has_a_colour(self):
        for server in (*read_servers(), "floor", "other"):
            assert f".plot .{server} {{ --mark: var(--plot-{server}); }}" in self.SHEET

    @pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
    def test_what_is_drawn_is_seen(self, scheme: int):
        """WCAG AA: 4.5 for text, 3 for what is drawn."""
        sheet = (page.FOLDER / "plot.css").read_text().split("@media")[scheme]
        colours = dict(re.findall(r"--plot-(\w+): (#\w{6});", sheet))
        ground = luminance(colours["ground"])
        for name, colour in colours.items():
            if name not in ("ground", "line"):
                darker, lighter = sorted((luminance(colour), ground))
                least = 4.5 if name in ("text", "muted") else 3
                assert (lighter + 0.05) / (darker + 0.05) >= least, name


class TestPicture:
    def test_panels_in_rows_are_one_file(self):
        panel = Panel("A & B", "what it shows", "<rect/>", 50)
        root = ElementTree.fromstring(picture("Title", "Desc", [[panel, panel], [panel]], "x{}"))
        assert [child.tag.rpartition("}")[2] for child in root][:3] == ["title", "desc", "style"]
        assert "A & B" in "".join(root.itertext())

    def test_decades_enclose_the_values(self):
        scale = Logarithmic.around(0.5, 20.0)
        assert scale.decades() == [0.1, 1.0, 10.0, 100.0]
        assert scale.share(1.0) == pytest.approx(1 / 3)


class TestCommand:
    def test_a_page_is_written(self, tmp_path: Path, measured: Results):
        out = tmp_path / "results.html"
        done = CliRunner().invoke(main, ["report", str(MEASURED), "--html", str(out)])
        assert (done.exit_code, done.output) == (0, f"{out} shows {MEASURED}\n")
        assert out.read_text() == page.page(measured)

    def test_a_file_that_is_none_is_said_in_one_line(self, tmp_path: Path):
        file = tmp_path / "no.json"
        done = CliRunner().invoke(main, ["report", str(file), "--html", str(tmp_path / "x.html")])
        assert done.exit_code
        assert not (tmp_path / "x.html").exists()


class TestSeveralFiles:
    @pytest.fixture
    def paths(self, tmp_path: Path) -> tuple[Path, Path]:
        first, second = tmp_path / "first.json", tmp_path / "second.json"
        results(a=[1.0, 2.0], b=[3.0]).save(first)
        results(b=[5.0], c=[7.0]).save(second)
        return first, second

    def test_they_are_one_and_the_last_counts_where_they_tell_of_the_same(
        self, paths: tuple[Path, Path]
    ):
        both = load(paths)
        assert both.cells() == {WORKLOAD: ["a", "b", "c"]}
        assert both.values(WORKLOAD, "a", RATE.figure) == {1: 1.0, 2: 2.0}
        assert both.values(WORKLOAD, "b", RATE.figure) == {1: 5.0}
        asked = CliRunner().invoke(main, ["report", *map(str, paths), "--markdown"])
        assert asked.exit_code == 0, asked.output
        assert all(f"| {server} |" in asked.output for server in "abc")

    def test_those_of_two_machines_are_refused(self, paths: tuple[Path, Path]):
        other = Results.load(paths[1])
        replace(other, facts={"CPU": "another"}).save(paths[1])
        asked = CliRunner().invoke(main, ["report", *map(str, paths)])
        assert asked.exit_code != 0
        assert "not of the same machine and versions: CPU was one and is another" in asked.output
