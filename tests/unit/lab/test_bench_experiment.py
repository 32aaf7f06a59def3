"""What is asked for again: --quick, --resume, --against, with runs that cost no time."""

import json
import math
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab import typed
from lab.bench import comparison, experiment, measuring, rounds
from lab.bench.candidates import Candidate
from lab.bench.cli import bench, choose
from lab.bench.comparison import Change
from lab.bench.experiment import Experiment
from lab.bench.machine import Cores
from lab.bench.results import Results, Run, Spread
from lab.bench.rounds import Plan, Turn
from lab.bench.workloads import USUAL, WORKLOADS
from lab.serve import WordError
from tests.services.requirements import need

THREE_MINUTES = 180


def asked(servers: str, quick: bool = False, **choice: Any) -> Experiment:
    plain = {"turns": None, "seconds": None, "seed": 1, "only": ("hello",)}
    return choose(servers=servers, quick=quick, **{**plain, **choice})


def plan(rounds: int = 3) -> Plan:
    candidates = [Candidate.parse(name) for name in ("paceline", "floor")]
    return Plan([WORKLOADS["hello"]], candidates, rounds, 1, 1, Cores(0, 1))


def of(turn: Turn, void: str | None = None, rate: float = 100.0) -> Run:
    figures = {} if void else {"requests_per_second": rate, "cpu_us": 1e4 / rate, "p99_ms": 2.0}
    return Run(turn.workload.name, turn.candidate.name, turn.round, ("run it",), figures, void)


class TestQuick:
    @pytest.mark.parametrize(
        ("servers", "rounds"),
        [("paceline,gunicorn,floor", 2), ("paceline,gunicorn,waitress,floor", 1)],
    )
    def test_the_usual_fits_into_three_minutes(self, servers: str, rounds: int):
        choice = asked(servers, quick=True, only=())
        assert choice.workloads == USUAL
        assert (choice.rounds, choice.seconds) == (rounds, 1)
        assert choice.plan()[0].estimate() < THREE_MINUTES

    def test_what_fits_in_no_round_is_refused(self):
        with pytest.raises(WordError, match=r"--quick: one round alone would take about \d+ min"):
            asked("paceline,gunicorn,waitress,cheroot", quick=True, only=tuple(WORKLOADS))

    def test_no_run_begins_that_would_last_too_long(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(rounds, "run_once", lambda plan, turn, *_: of(turn))
        one = plan().seconds_of(plan().turns()[0])
        now = time.monotonic()
        assert list(rounds.run(plan(), until=now + one / 2)) == []
        assert len(list(rounds.run(plan(), until=now + one + 1000))) == 6

    def test_that_time_was_up_is_said(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        results = Results({}, ["hello"], ["paceline", "floor"])
        assert measuring.measure(plan(), results, None, until=time.monotonic())
        assert capsys.readouterr().out.endswith("time is up; what was done follows\n")
        measuring.measure(plan(), results, Path("a b.json"), until=time.monotonic())
        assert f"`{typed.lab()} bench --resume 'a b.json'` makes" in capsys.readouterr().out


class Hook:
    """Python's own, when it forks or forgets an object: what is raised in it is dropped."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


class TestStop:
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_ctrl_c_within_a_hook_is_not_lost(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        def run_once(plan: Plan, turn: Turn, *_: object) -> Run:
            Hook()
            return of(turn)

        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        monkeypatch.setattr(rounds, "run_once", run_once)
        results = Results({}, ["hello"], ["paceline", "floor"])
        try:
            assert not measuring.measure(plan(), results, None)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        assert len(results.runs) == 1
        assert capsys.readouterr().out.endswith("stopped; what was done follows\n")


class TestLeft:
    def test_what_was_made_is_not_made_again(self):
        turns = plan().turns()
        assert rounds.left(plan(), []) == turns
        assert rounds.left(plan(), [of(turn) for turn in turns[:4]]) == turns[4:]
        assert rounds.left(plan(), [of(turn) for turn in turns]) == []

    def test_a_cell_that_is_void_is_not_tried_again(self):
        first, *rest = plan().turns()
        left = rounds.left(plan(), [of(first, void="it ended")])
        assert left == [turn for turn in rest if turn.candidate != first.candidate]

    def test_the_time_that_is_left_follows_what_the_runs_took(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        clock = iter(range(0, 10_000, 100))
        monkeypatch.setattr(measuring.time, "monotonic", lambda: float(next(clock)))
        monkeypatch.setattr(rounds, "run", lambda plan, *_: (of(turn) for turn in plan.turns()))
        said = list(measuring.progress(plan(), Results({}, [], []), math.inf))
        lines = [line for line in said if line.startswith("[")]
        assert [line.partition("]")[0] for line in lines[::5]] == [
            "[1/6, 8 min left",
            "[6/6, 0 s left",
        ]


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Runs that are not made; their rate, by server, may be set."""
    need("wrk")
    rates = {"paceline": 100.0, "floor": 300.0}

    def run_once(plan: Plan, turn: Turn, *_: object) -> Run:
        return of(turn, rate=rates[turn.candidate.server] + turn.round / 10)

    monkeypatch.setattr(rounds, "run_once", run_once)
    return rates


def run(*arguments: object) -> Result:
    return CliRunner().invoke(bench, [str(argument) for argument in arguments])


def begin(path: Path, *more: str) -> dict[str, Any]:
    choice = ("--only=hello", "--servers=paceline,floor", "--seed=7", "--rounds=3", *more)
    done = run(*choice, "--json", path)
    assert done.exit_code == 0, done.output
    table: dict[str, Any] = json.loads(path.read_text())
    return table


class TestResume:
    def test_what_a_file_lacks_is_made_and_nothing_else(
        self, tmp_path: Path, instant: dict[str, float]
    ):
        path = tmp_path / "it.json"
        whole = begin(path, "--connections=64")
        path.write_text(json.dumps({**whole, "runs": whole["runs"][:4]}))
        instant["paceline"] = 111.0
        done = run("--resume", path)
        assert done.exit_code == 0, done.output
        assert "2 runs, " in done.output
        now = json.loads(path.read_text())
        assert now["runs"][:4] == whole["runs"][:4]
        keys = [[(r["round"], r["workload"], r["server"]) for r in t["runs"]] for t in (now, whole)]
        assert keys[0] == keys[1]
        assert now["plan"] == whole["plan"]
        assert now["facts"]["date"] == whole["facts"]["date"]
        assert "resumed" in now["facts"]

    def test_a_file_that_lacks_nothing_is_shown(self, tmp_path: Path, instant: dict[str, float]):
        path = tmp_path / "it.json"
        whole = begin(path)
        done = run("--resume", path)
        assert "0 runs" in done.output
        assert "hello: plain WSGI" in done.output
        assert json.loads(path.read_text()) == whole

    def test_other_words_beside_it_are_refused(self, tmp_path: Path, instant: dict[str, float]):
        path = tmp_path / "it.json"
        begin(path)
        done = run("--resume", path, "--servers", "gunicorn", "--seed", 8)
        assert done.exit_code == 2
        assert "--resume goes on as it was asked for, without --servers, --seed" in done.output

    def test_another_machine_or_commit_is_refused(self, tmp_path: Path, instant: dict[str, float]):
        path = tmp_path / "it.json"
        whole = begin(path)
        path.write_text(json.dumps({**whole, "facts": {**whole["facts"], "commit": "0000000"}}))
        done = run("--resume", path)
        assert "was begun elsewhere, measure anew: commit was 0000000 and is" in str(done.exception)

    @pytest.mark.parametrize("table", [None, {"tea": 2}])
    def test_a_file_that_does_not_say_what_was_asked_is_refused(
        self, tmp_path: Path, instant: dict[str, float], table: dict[str, int] | None
    ):
        path = tmp_path / "it.json"
        path.write_text(json.dumps({**begin(path), "plan": table}))
        assert "what was asked" in str(run("--resume", path).exception)


class TestAgainst:
    def test_the_same_is_measured_again_and_compared(
        self, tmp_path: Path, instant: dict[str, float]
    ):
        path = tmp_path / "old.json"
        begin(path)
        instant["paceline"] = 120.0
        done = run("--against", path)
        assert done.exit_code == 0, done.output
        assert "seed 7" in done.output
        rows = [
            line.split() for line in done.output.partition("Against the results")[2].splitlines()
        ]
        said = {(row[1], row[2]): row[-3:] for row in rows if row[:1] == ["hello"]}
        assert said["paceline", "requests/s"] == ["1.20", "±0.00", "faster"]
        assert said["paceline", "CPU"] == ["0.83", "±0.00", "cheaper"]
        assert said["floor", "requests/s"] == ["1.00", "±0.00", "tie"]

    def test_unlike_machines_are_refused_before_anything_is_measured(
        self, tmp_path: Path, instant: dict[str, float]
    ):
        path = tmp_path / "old.json"
        whole = begin(path)
        path.write_text(json.dumps({**whole, "facts": {**whole["facts"], "CPU": "Z80, 1 core"}}))
        instant.clear()  # a run would fail
        done = run("--against", path)
        assert "figures of unlike machines tell nothing: CPU was Z80, 1 core and" in str(
            done.exception
        )

    @pytest.mark.parametrize(
        ("old", "new", "said", "noise"),
        [
            ([100.0, 101.0, 102.0], [120.0, 121.0, 122.0], "faster", 0.05),
            ([120.0, 121.0, 122.0], [100.0, 101.0, 102.0], "slower", 0.04),
            ([100.0, 110.0, 120.0], [105.0, 115.0, 125.0], "tie", 0.45),
            ([100.0, 100.0], [200.0, 200.0], "too few rounds", None),
        ],
    )
    def test_a_difference_counts_beyond_the_noise_of_both(
        self, old: list[float], new: list[float], said: str, noise: float | None
    ):
        before, after = Spread.of(old), Spread.of(new)
        assert before and after
        change = Change("hello", "paceline", comparison.FIGURES[0], before, after)
        assert change.verdict == said
        assert change.noise == (noise and pytest.approx(noise, abs=0.005))

    def test_cells_that_cannot_be_compared_are_told_with_the_reason(self):
        def results(
            connections: int | None, server: str = "paceline", void: str | None = None
        ) -> Results:
            figures = {} if void else {"requests_per_second": 1.0}
            run = Run("hello", server, 1, (), figures, void, connections=connections)
            return Results({}, ["hello"], [server], [run])

        def told(old: Results, new: Results) -> list[str]:
            assert len(comparison.table(old, new)) == (1 if [*comparison.left_out(old, new)] else 2)
            return [*comparison.left_out(old, new)]

        assert told(results(32), results(32)) == []
        assert told(results(None), results(32)) == []  # a file of an older lab
        assert told(results(64), results(32)) == [
            "hello, paceline: by 64 connections in the old, by 32 in the new"
        ]
        assert told(results(32), results(32, void="it ended")) == [
            "hello, paceline: void in the new: it ended (round 1)"
        ]
        assert told(results(32, "granian"), results(32)) == [
            "hello, paceline: not in the old",
            "hello, granian: not in the new",
        ]

    def test_what_else_has_changed_is_told(self):
        old = {"CPU": "Z80", "commit": "a1", "granian": "2.8", "date": "now", "load": "32"}
        new = {"CPU": "Z80", "commit": "b2", "date": "then", "load": "33"}
        assert comparison.differences(old, old) == []
        assert comparison.differences(old, new) == [
            "commit was a1 and is b2",
            "granian was 2.8 and is not told",
        ]


def test_an_experiment_is_read_as_it_was_written():
    choice = asked("paceline", threads=(None, 8), ways=("direct", "nginx"))
    again = Experiment.read(json.loads(json.dumps(choice.as_table())), "it")
    assert again.plan() == choice.plan()
    assert experiment.quick(again) == again
