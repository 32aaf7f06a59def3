"""wrk as the bench calls it, and what it reads from its output."""

import json
from pathlib import Path

import pytest

from lab.bench import wrk
from lab.bench.void import VoidError
from lab.errors import LabError

HEAD = """Running 5s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.00ms    2.00ms   9.00ms   91.07%
Requests/sec:  1000.00
"""
FINE = {
    "requests": 5_000,
    "microseconds": 5_000_000,
    "connect": 0,
    "read": 0,
    "write": 0,
    "timeout": 0,
    "status": 0,
    "p50": 1_500,
    "p90": 2_000,
    "p99": 12_345,
    "max": 99_000,
}


def output(**said: int) -> str:
    return HEAD + json.dumps({**FINE, **said}) + "\n"


def test_the_line_of_the_script_is_read_in_seconds_and_milliseconds():
    load = wrk.parse(output(microseconds=2_500_000), cpu=1.5)
    assert (load.requests, load.seconds, load.cpu) == (5_000, 2.5, 1.5)
    assert (load.p50, load.p90, load.p99, load.max) == (1.5, 2.0, 12.345, 99.0)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"connect": 3}, "3 connections failed"),
        ({"read": 1}, "1 answers broke off"),
        ({"write": 2}, "2 requests could not be sent"),
        ({"timeout": 7}, "7 requests timed out"),
        ({"status": 9}, "9 answers had a status of 400 or more"),
        ({"read": 1, "status": 2}, "1 answers broke off, 2 answers had a status"),
        ({"requests": 0}, "no request was answered"),
    ],
)
def test_errors_and_silence_void_the_run(said: dict[str, int], reason: str):
    with pytest.raises(VoidError, match=reason):
        wrk.parse(output(**said))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "unable to connect to 127.0.0.1:1 Connection refused\n",
            "wrk failed: unable to connect to 127.0.0.1:1 Connection refused",
        ),
        ("", "it said nothing"),
    ],
)
def test_a_wrk_that_failed_voids_the_run_with_its_words(said: str, reason: str):
    with pytest.raises(VoidError, match=reason):
        wrk.parse(said)


def test_its_command_line_stands_on_a_core_and_names_a_script_that_is_there():
    command = wrk.command("http://127.0.0.1:8000/", core=1, connections=32, seconds=5)
    assert command[:4] == ["taskset", "-c", "1", "wrk"]
    assert {"-t1", "-c32", "-d5s"} <= set(command)
    script = Path(command[command.index("-s") + 1])
    assert not script.is_absolute()  # so that it can be typed anywhere
    assert (Path(__file__).parents[3] / script).is_file()


def test_a_missing_wrk_is_said_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"needs wrk.*apt-get install wrk"):
        wrk.require()
