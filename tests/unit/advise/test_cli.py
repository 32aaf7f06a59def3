"""What `lab advise` refuses in a line, and what it shows of what was told."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.advise import judging, latency, showing, trying
from lab.advise.judging import judge
from lab.advise.sizing import MAX_THREADS, SERVER_CPU, Machine, Work, size
from lab.bench.results import Results, Run, Spread
from lab.cli import main
from lab.stack.layout import REPO
from tests.unit.advise.test_judging import alone, seen


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["http://example.org/"], 2, "lab: http://example.org/: is not of the stack; name paths"),
        (["--since", "yesterday"], 2, "yesterday: write it as in 90s, 15m or 2h"),
        (["/", "--since", "2h"], 2, "lab: --since: is for what is stored, and URLs are asked now"),
        (["--urls", "empty.txt"], 2, "lab: --urls empty.txt: names no URL; write one in each line"),
        (["--urls", "none.txt"], 2, "lab: --urls none.txt: cannot be read"),
        (["--json", "no/it.json"], 2, "lab: --json no/it.json: no is no folder; make it first"),
        (["--rate", "0"], 2, "0.0 is not in the range x>0"),
        (["--console", "http://127.0.0.1:1"], 1, "no console answers at http://127.0.0.1:1"),
        (["http://127.0.0.1:1/"], 2, "is not of the stack"),
    ],
)
def test_what_cannot_be_followed_is_said_in_a_line(
    arguments: list[str],
    status: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_VAR", str(tmp_path))
    Path("empty.txt").write_text("# nothing yet\n\n")
    done = CliRunner().invoke(main, ["advise", *arguments])
    assert done.exit_code == status, done.output
    assert says in done.output


def test_paths_stand_in_the_order_of_the_time_they_take():
    requests = [
        *alone(what="/a", wall=5, cpu=5),
        *alone(what="/b", wall=50, cpu=1),
        seen(what="/c"),
    ]
    _, first, second, third = showing.paths(judge(requests)).splitlines()
    assert first.split()[0] == "/b"
    assert "98 %" in first
    assert first.endswith("waits")
    assert second.endswith("computes")
    assert third.endswith("cannot tell")
    many = [each for n in range(20) for each in alone(2, what=f"/{n}")]
    assert showing.paths(judge(many)).endswith("and 5 more, of less time")


def test_what_it_means_is_said_with_the_numbers_that_it_follows_from():
    judged = judge([*alone(what="/io", wall=20, cpu=1), *alone(what="/cpu", wall=9, cpu=9)])
    machine = Machine(2)
    said = list(
        showing.meaning(judged, Work(0.0049, 0.0095), machine, size(Work(0.0049, 0.0095), machine))
    )
    assert said == [
        "/io: waits. While one does, 19 others could compute; threads help.",
        "/cpu: computes. A process does at most 111 of them a second, however many threads it has, "
        "unless code in C releases the GIL; processes on cores of their own help.",
        "All together a request computes 4.9 ms and waits 9.5 ms: a blocking coefficient of 0.66.",
        "The GIL: with 0.1 ms for the server itself, one process does at most 1 / 5 ms = 200 "
        "requests/s; 2 cores, busy to 70%: 280.",
        "Little's law: 280 requests/s x 14 ms = 4.1 under way at one moment, of which 2.7 wait.",
    ]


@pytest.mark.parametrize(
    ("ratios", "says"),
    [
        ([1.8, 1.7, 1.9, 1.8, 1.8], r"The advice does 1\.80 .*\(1\.70-1\.90\) x .* of default\."),
        ([0.8, 0.7, 0.9, 0.8, 0.8], r"The advice does 0\.80 .* x the requests/s of default\."),
        ([0.8, 1.1, 1.3, 0.9, 1.2], r"A tie, within the noise: the advice does 1\.10 .*"),
        ([1.8, 1.8], r"Too few rounds to tell: the advice does 1\.80 .*"),
    ],
)
def test_who_is_ahead_is_said_where_the_rounds_tell(ratios: list[float], says: str):
    spread = Spread.of(ratios)
    assert spread
    assert re.fullmatch(says, showing.verdict(spread, "default"))


def test_a_void_run_says_why_and_counts_for_nothing():
    figures = {"requests_per_second": 100.0, "p99_ms": 5.0}
    runs = [Run("mix", "default", 1, (), figures), Run("mix", "advice", 1, (), {}, "it ended")]
    said = list(showing.compared(Results({}, ["mix"], ["default", "advice"], runs)))
    assert said[0] == "advice: void, it ended (round 1)"
    assert not any("The advice does" in line for line in said)


def test_the_page_has_the_bounds_that_are():
    said = " ".join((REPO / "docs/advise.md").read_text().split())
    for bound in (
        f"fewer than {judging.ENOUGH} requests",
        f"above {judging.TOO_WIDE:.0%} of it".replace("%", " %"),
        f"more than {judging.RELEASED:g} cores",
        f"less than {judging.SHORT * 1000:g} ms",
        f"More than {MAX_THREADS} threads",
        f"{SERVER_CPU * 1000:g} ms are added",
        f"more than {trying.BUSY:g} cores",
        f"{latency.SHARE:.0%} of what the slowest did".replace("%", " %"),
        f"at most {latency.MOST:,.0f} a second",
    ):
        assert bound in said
    assert judging.MOSTLY == 0.75
