"""Counting instructions: real ones where there is valgrind, and what is said of them."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.bench.running import environment
from tests.instructions import __main__ as instructions
from tests.instructions import callgrind
from tests.instructions.counted import WORKLOADS

BEFORE = 100_000


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, int]:
    """What is measured, in place of a measurement; of before there were 100,000 for hello."""
    made = {"hello": BEFORE}
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({instructions.python(): made, "another": {"hello": 1}}))
    monkeypatch.setattr(instructions, "BASELINE", baseline)
    monkeypatch.setattr(instructions, "measure", lambda names: made)
    return made


@pytest.mark.parametrize(("now", "status"), [(101_900, 0), (102_100, 1), (50_000, 0)])
def test_a_loss_is_one_past_the_tolerance(figures: dict[str, int], now: int, status: int) -> None:
    figures["hello"] = now
    ran = CliRunner().invoke(instructions.main)
    assert ran.exit_code == status
    assert ("dearer than before: hello: +2.1%" in ran.stderr) is bool(status)
    assert f"{now:,}      100,000" in ran.stdout
    assert ("Cheaper than before" in ran.stdout) is (now == 50_000)


def test_figures_are_kept_for_each_python(figures: dict[str, int], tmp_path: Path) -> None:
    figures.update({"hello": 150_000, "body": 7})
    raw = tmp_path / "raw.json"
    ran = CliRunner().invoke(instructions.main, ["--save", "--json", str(raw)])
    assert ran.exit_code == 0
    kept = json.loads(instructions.BASELINE.read_text())
    assert kept == {instructions.python(): {"hello": 150_000, "body": 7}, "another": {"hello": 1}}
    assert json.loads(raw.read_text())["instructions"] == {"hello": 150_000, "body": 7}


def test_with_nothing_of_before_nothing_is_lost(figures: dict[str, int]) -> None:
    instructions.BASELINE.write_text("{}")
    ran = CliRunner().invoke(instructions.main)
    assert ran.exit_code == 0
    assert "Nothing to compare with for this Python" in ran.stdout


def test_without_valgrind_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = CliRunner().invoke(instructions.main, ["--only", "hello"])
    assert ran.exit_code == 2
    assert "there is no valgrind here (Debian: apt-get install valgrind)" in ran.stderr


def test_the_baseline_that_is_kept_has_every_workload() -> None:
    kept = json.loads(instructions.BASELINE.read_text())
    assert kept
    assert all(figures.keys() == WORKLOADS.keys() for figures in kept.values())


@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_requests_are_counted_and_little_else(tmp_path: Path) -> None:
    """Twice as many cost twice as much: what is counted beside them does not matter."""
    few, many = (callgrind.count("hello", number, environment(tmp_path)) for number in (100, 200))
    assert 20_000 < many / 200 < 400_000
    assert few * 2 == pytest.approx(many, rel=0.05)
