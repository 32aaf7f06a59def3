"""What is said of runs: medians, spreads, ratios, void cells, targets, tables."""

import json
from pathlib import Path

import pytest

from lab.bench import report
from lab.bench.labels import brief
from lab.bench.results import Results, Run, Spread
from lab.bench.targets import TARGETS, Reached, Target
from lab.bench.workloads import WORKLOADS
from lab.errors import LabError

RATE = "requests_per_second"


def results(workload: str = "hello", figure: str = RATE, **rounds: list[float | str]) -> Results:
    """Runs of one workload: for each server its figure in each round, or why that is void."""
    runs = [
        Run(workload, server, number, (f"run {server}",), {figure: value})
        if isinstance(value, float)
        else Run(workload, server, number, (f"run {server}",), void=value)
        for server, values in rounds.items()
        for number, value in enumerate(values, 1)
    ]
    return Results({"CPU": "one"}, [workload], list(rounds), runs)


class TestStatistics:
    def test_a_spread_is_the_median_between_the_extremes(self):
        assert Spread.of([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0, rounds=3)
        assert Spread.of([4.0, 2.0]) == Spread(3.0, 2.0, 4.0, rounds=2)

    def test_deviation_and_quartiles_are_those_of_the_rounds(self):
        spread = Spread.of([1.0, 2.0, 4.0, 8.0, 100.0])
        assert spread is not None
        assert (spread.median, spread.mad, spread.q1, spread.q3) == (4.0, 3.0, 2.0, 8.0)
        alone = Spread.of([7.0])
        assert alone is not None
        assert (alone.mad, alone.q1, alone.q3, alone.scatter) == (0.0, 7.0, 7.0, 0.0)

    def test_more_rounds_that_scatter_alike_leave_less_noise(self):
        few, many = Spread.of([0.8, 0.9, 1.1]), Spread.of([0.8, 0.9, 1.1] * 100)
        assert few is not None and many is not None
        assert few.is_tie and not many.is_tie

    def test_of_nothing_there_is_none(self):
        assert Spread.of([]) is None

    def test_a_ratio_is_taken_within_each_round(self):
        # The machine halves its speed in the second round: no server is to blame.
        measured = results(paceline=[300.0, 150.0, 290.0], gunicorn=[100.0, 50.0, 100.0])
        assert measured.ratio("hello", RATE, "paceline", "gunicorn") == Spread(3.0, 2.9, 3.0, 3)

    def test_a_ratio_takes_no_round_that_one_of_them_lacks(self):
        measured = results(paceline=[300.0, 150.0], gunicorn=[100.0])
        assert measured.ratio("hello", RATE, "paceline", "gunicorn") == Spread(3.0, 3.0, 3.0, 1)

    def test_a_rival_of_zero_has_no_ratio(self):
        measured = results(paceline=[300.0], gunicorn=[0.0])
        assert measured.ratio("hello", RATE, "paceline", "gunicorn") is None

    @pytest.mark.parametrize(
        ("theirs", "said"),
        [
            ([90.0, 110.0, 99.0, 95.0, 107.0], "0.99 ±0.08 (0.90-1.10) tie"),
            ([90.0, 97.0, 99.0, 95.0, 99.0], "0.97 ±0.02 (0.90-0.99) tie"),
            ([199.0, 256.0, 368.0, 320.0, 290.0], "2.90 ±0.34 (1.99-3.68)"),
            ([90.0, 91.0, 93.0, 89.0, 90.0], "0.90 ±0.01 (0.89-0.93)"),
            ([90.0, 91.0, 140.0, 89.0, 90.0], "0.90 ±0.01 (0.89-1.40)"),
        ],
        ids=["around", "too scattered", "scattered and far", "below", "one round was disturbed"],
    )
    def test_a_difference_within_the_noise_is_a_tie(self, theirs: list[float], said: str):
        measured = results(paceline=[100.0] * 5, gunicorn=theirs)
        heading, _, gunicorn = report.cells(measured, "hello")
        assert gunicorn[heading.index("requests/s ÷ paceline's")] == said

    def test_what_was_saved_is_read_as_it_was(self, tmp_path: Path):
        measured = results(paceline=[300.0, 150.0], gunicorn=[100.0, "answered 500"])
        measured.save(tmp_path / "results.json")
        assert report.markdown(Results.load(tmp_path / "results.json")) == report.markdown(measured)

    @pytest.mark.parametrize("text", ["tea", "[]", '{"runs": [{}]}'])
    def test_a_file_that_holds_no_results_is_refused(self, tmp_path: Path, text: str):
        (tmp_path / "it.json").write_text(text)
        with pytest.raises(LabError, match="holds no results of the bench"):
            Results.load(tmp_path / "it.json")

    def test_a_file_that_is_not_there_is_said(self, tmp_path: Path):
        with pytest.raises(LabError, match=r"it\.json: No such file"):
            Results.load(tmp_path / "it.json")


class TestVoid:
    def test_one_void_run_voids_its_cell_with_the_reason_and_never_a_zero(self):
        measured = results(paceline=[300.0, "it ended by itself"], gunicorn=[100.0, 100.0])
        assert measured.void("hello", "paceline") == "it ended by itself (round 2)"
        assert measured.spread("hello", "paceline", RATE) is None
        assert measured.ratio("hello", RATE, "paceline", "gunicorn") is None
        assert measured.spread("hello", "gunicorn", RATE) == Spread(100.0, 100.0, 100.0, 2)

    def test_it_stands_in_the_table_and_its_reason_in_the_notes(self):
        measured = results(paceline=[300.0], gunicorn=["answered 500, not 200"])
        heading, ours, theirs = report.cells(measured, "hello")
        assert ours[heading.index("requests/s")] == "300"
        assert theirs[:2] == ["gunicorn", "void"]
        assert "".join(theirs[2:]) == ""
        note = "hello, gunicorn: void, answered 500, not 200 (round 1)"
        assert note in report.notes(measured)

    def test_a_target_that_needs_it_is_not_judged(self):
        measured = results("django-json", paceline=[300.0], gunicorn=["no"])
        rows = report.targets(measured)[1:]
        assert [row[2:] for row in rows] == [["at least 1.9 x", "-", "not measured"]]

    def test_a_table_of_nothing_else_still_has_its_columns(self):
        rows = report.cells(results(paceline=["no"]), "hello")
        assert rows == [["server", ""], ["paceline", "void"]]
        assert report.as_text(rows)


class TestTargets:
    AT_MOST = Target("hello", "", RATE, 3, most=True, by="floor")
    AT_LEAST = Target("hello", "", RATE, 3)

    @pytest.mark.parametrize(
        ("spread", "most", "least"),
        [
            (Spread(2.5, 2.0, 2.9, 5), "met", "short"),
            (Spread(3.5, 3.1, 4.0, 5), "short", "met"),
            (Spread(2.9, 2.0, 3.1, 5, mad=0.1), "tie within the noise", "tie within the noise"),
            (Spread(2.9, 2.0, 3.1, 5, mad=0.01), "met", "short"),
            (Spread(3.0, 3.0, 3.0, 1), "met", "met"),
            (None, "not measured", "not measured"),
        ],
    )
    def test_the_median_decides_unless_the_rounds_cannot_tell(
        self, spread: Spread | None, most: str, least: str
    ):
        reached = Reached(spread) if spread else None
        assert self.AT_MOST.verdict(reached) == most
        assert self.AT_LEAST.verdict(reached) == least

    def test_gunicorns_cost_is_divided_by_ours(self):
        measured = results(figure="cpu_us", paceline=[25.0], gunicorn=[175.0], floor=[10.0])
        rows = {row[1]: row[3:] for row in report.targets(measured)}
        assert rows["CPU per request: gunicorn ÷ paceline"] == ["7.00", "met"]
        assert rows["CPU per request: paceline ÷ floor"] == ["2.50", "met"]

    def test_the_ideal_of_32_connections_that_wait_20_ms(self):
        rows = report.targets(results("wait", paceline=[1_200.0]))
        assert [row[1:] for row in rows[1:]] == [
            ["requests/s: paceline ÷ gunicorn", "at least 3.5 x", "-", "not measured"],
            ["requests/s: paceline ÷ the ideal 1,600", "at least 0.8 x", "0.75", "short"],
        ]

    def test_with_64_connections_the_best_of_the_others_counts_and_is_named(self):
        measured = results(
            "django-json",
            **{
                "paceline 64c": [300.0],
                "gunicorn 64c": [100.0],
                "gunicorn:sync 64c": [200.0],
                "granian 64c": [290.0],
                "uwsgi 64c": [310.0],
                "waitress 64c": ["answered 500"],
                "floor 64c": [9_000.0],
            },
        )
        rows = {row[1]: row[3:] for row in report.targets(measured)[1:]}
        assert rows == {
            "requests/s: paceline ÷ the best gunicorn": ["1.50 gunicorn:sync", "short"],
            "requests/s: paceline ÷ the best other": ["0.97 uwsgi", "short"],
            "p99 at 70 % load: paceline ÷ the lowest other": ["-", "not measured"],
            "memory at peak: paceline ÷ gunicorn:sync": ["-", "not measured"],
        }

    def test_of_what_should_be_low_the_lowest_of_the_others_counts(self):
        measured = results(
            figure="cpu_us",
            **{"paceline 64c": [26.0], "waitress 64c": [150.0], "uwsgi 64c": [40.0]},
        )
        rows = {row[1]: row[3:] for row in report.targets(measured)[1:]}
        ratio = rows["CPU per request: paceline ÷ uwsgi, waitress or cheroot"]
        assert ratio == ["0.65 uwsgi", "met"]

    def test_two_workers_are_divided_by_one(self):
        measured = results("cpu", **{"paceline 64c": [200.0], "paceline 2w 64c": [380.0]})
        rows = {row[1]: row[3:] for row in report.targets(measured)[1:]}
        assert rows["requests/s: paceline's two workers ÷ one"] == ["1.90", "met"]

    def test_where_the_load_has_the_same_cores_their_cost_still_tells(self):
        names = {"paceline 64c": [500.0], "paceline 2w 64c": [530.0]}
        rows = report.targets(results("django-json", "cpu_us", **names))
        assert rows[-1][1:] == [
            *("CPU per request: paceline's two workers ÷ one", "at most 1.08 x", "1.06", "met")
        ]

    def test_another_setup_is_not_judged(self):
        names = {"paceline unix 64c": [3.0], "gunicorn unix 64c": [1.0]}
        assert report.targets(results("django-json", **names))[1:] == []

    def test_each_is_of_a_workload_that_there_is(self):
        assert {target.workload for target in TARGETS} <= set(WORKLOADS)


class TestLabels:
    def test_what_all_have_in_common_is_left_out_and_said_once(self):
        names = {"paceline nginx 2w 64c": [3.0], "gunicorn:sync nginx unix 2w 64c": [1.0]}
        measured = brief(results(**names))
        assert measured.servers == ["paceline", "gunicorn:sync unix"]
        assert measured.ratio("hello", RATE, "paceline", "gunicorn:sync unix") is not None
        assert measured.facts["each"] == "nginx, 2 workers"

    def test_what_tells_two_apart_stays(self):
        names = {"paceline": [3.0], "paceline 64c": [1.0], "gunicorn 64c": [1.0]}
        measured = results(**names)
        assert brief(measured) is measured

    def test_connections_stand_among_the_facts_already(self):
        measured = results(**{"paceline 64c": [3.0], "gunicorn 64c": [1.0]})
        assert brief(measured).facts == {"CPU": "one"}
        assert "requests/s ÷ paceline's" in report.text(measured)

    def test_of_no_servers_there_is_nothing_to_leave_out(self):
        assert brief(results()).servers == []


class TestReport:
    def test_a_load_that_used_up_its_core_is_said(self):
        measured = results(figure="load_busy", floor=[0.99, 0.97], paceline=[0.4, 0.99])
        said = [note for note in report.notes(measured) if "the load used" in note]
        assert len(said) == 1
        assert said[0].startswith("hello, floor: the load used 98% of its core")

    @pytest.mark.parametrize(("share", "said"), [(0.4, 1), (0.02, 0)])
    def test_an_open_loop_that_was_late_is_said(self, share: float, said: int):
        measured = results(figure="lag_share", paceline=[share] * 5)
        assert len([n for n in report.notes(measured) if "its own schedule" in n]) == said

    @pytest.mark.parametrize(("rounds", "said"), [(4, True), (5, False)])
    def test_few_rounds_are_called_a_glance(self, rounds: int, said: bool):
        notes = list(report.notes(results(paceline=[1.0] * rounds)))
        assert (f"{rounds} of the 5 rounds that a result needs: a glance" in notes) is said

    def test_columns_of_a_terminal_line_up(self):
        lines = report.as_text([["server", "x"], ["a", "1"], ["longer", "22"]]).splitlines()
        assert lines == ["  server  x", "  a       1", "  longer  22"]

    def test_many_figures_of_few_servers_stand_below_each_other(self):
        wide = [["server", "requests/s", "CPU µs/request"], ["a", "1", "2"], ["b", "3", "4"]]
        turned = [["server", "a", "b"], ["requests/s", "1", "3"], ["CPU µs/request", "2", "4"]]
        assert report.narrower(wide) == turned
        assert report.narrower(turned) == turned

    def test_a_page_keeps_what_stands_around_the_tables(self, tmp_path: Path):
        page = tmp_path / "performance.md"
        page.write_text(f"# Before\n\n{report.BEGIN}\nof last year\n{report.END}\n\nAfter\n")
        measured = results(paceline=[300.0, 310.0])
        report.require_place(page)
        report.write_page(page, measured)
        once = page.read_text()
        assert once.startswith(f"# Before\n\n{report.BEGIN}\n")
        assert once.endswith(f"\n{report.END}\n\nAfter\n")
        assert "of last year" not in once
        assert "| paceline | 305 ±5 (300-310) |" in once
        assert "run paceline" in once
        report.write_page(page, measured)
        assert page.read_text() == once

    def test_a_page_without_a_place_is_refused_and_left_alone(self, tmp_path: Path):
        page = tmp_path / "README.md"
        page.write_text(f"{report.END}\n{report.BEGIN}\n")
        with pytest.raises(LabError, match="has no lines"):
            report.require_place(page)

    def test_raw_runs_are_kept_as_json(self, tmp_path: Path):
        raw = tmp_path / "raw.json"
        results(paceline=[300.0, "why"]).save(raw)
        kept = json.loads(raw.read_text())
        assert kept["facts"] == {"CPU": "one"}
        assert [(run["figures"], run["void"]) for run in kept["runs"]] == [
            ({RATE: 300.0}, None),
            ({}, "why"),
        ]
