"""The bench's pages over HTTP: what may be chosen, one at a time, and what they tell.

The bench is a real one, of one run of a second.
"""

import html
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from lab import typed
from lab.bench import cli, machine
from lab.bench.experiment import QUICK_ROUNDS, QUICK_SECONDS, Experiment
from lab.bench.results import Results
from lab.bench.workloads import WORKLOADS
from lab.console.pages.bench_form import Given, planned
from lab.console.pages.bench_offer import Unrunnable
from tests.services.requirements import need
from tests.services.stack import eventually, is_alive
from tests.unit.console.measured import MACHINE, written
from tests.unit.console.running import Console

MEASURED = Path(__file__).parents[1] / "lab" / "measured.json"
SMALL = {
    "servers": ["floor"],
    "only": ["hello"],
    "way": ["direct"],
    "bind": ["tcp"],
    "workers": "1",
    "threads": "default",
    "connections": "2",
    "rounds": "1",
    "seconds": "1",
}


class Bench(Console):
    """A console that may measure; its results lie in ``bench`` of a folder."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.results = folder / "bench"
        self.results.mkdir()
        super().__init__(folder, {"LAB_BENCH": str(self.results), **environ})

    def send_form(self, address: str, given: dict[str, str | list[str]]) -> requests.Response:
        with requests.Session() as person:
            page = person.get(f"{self.url}/send/", timeout=20)
            token = re.findall(r'csrfmiddlewaretoken" value="(\w+)', page.text)[0]
            given = {"csrfmiddlewaretoken": token, **given}
            return person.post(f"{self.url}{address}", given, timeout=20)

    def shows(self, text: str) -> bool:
        return text in self.get("/bench/").text


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as running:
        shutil.copy(MEASURED, running.results / "first.json")
        written(running.results / "elsewhere.json", {"floor": 1e4})
        yield running


def test_where_no_server_can_be_measured_the_page_says_how_to(console: Console):
    answer = console.get("/bench/")
    assert answer.status_code == 200
    assert "lab bench" in answer.text
    assert "<form" not in answer.text
    assert console.get("/bench/report.css").status_code == 404


def test_results_are_listed_and_shown_with_their_plots(bench: Bench):
    (bench.results / "tea.json").write_text("tea")
    listed = bench.get("/bench/").text
    assert '<a id="result-first" href="/bench/first/">' in listed
    assert "holds no results" in listed
    assert bench.get("/bench/tea/").status_code == 404
    shown = bench.get("/bench/first/").text
    assert shown.count("<svg") > 6
    assert "CPU per request, µs" in shown
    assert not re.search(r"\sstyle=|<style|<script(?! type=\"module\" src)", shown)
    assert ".plot .paceline" in bench.get("/bench/report.css").text


def test_a_result_can_be_taken_along(bench: Bench, tmp_path: Path):
    page = bench.get("/bench/first.html")
    assert page.headers["Content-Disposition"] == 'attachment; filename="first.html"'
    assert "<style>" in page.text
    (tmp_path / "copy.json").write_bytes(bench.get("/bench/first.json").content)
    assert Results.load(tmp_path / "copy.json") == Results.load(MEASURED)


@pytest.mark.parametrize("name", ["none", "..%2ffirst", "%2e%2e%2fdata%2fsecret_key"])
def test_no_name_leads_out_of_the_list(bench: Bench, name: str):
    for end in ("/", ".html", ".json"):
        assert bench.get(f"/bench/{name}{end}").status_code == 404


@pytest.mark.parametrize(
    ("word", "value", "why"),
    [
        ("servers", [], "Choose at least one server"),
        ("servers", ["paceline", "--help"], "There is no server “--help”"),
        ("only", ["hello,wait"], "There is no workload"),
        ("way", [], "Choose at least one way"),
        ("way", ["direct,nginx"], "There is no way “direct,nginx”"),
        ("bind", ["pipe"], "There is no bind “pipe”"),
        ("bind", ["uwsgi"], "Bind uwsgi: only nginx speaks it here; add --way nginx."),
        ("workers", "1,,2", "Workers: whole numbers from 1 to 64, with commas between them"),
        ("threads", "many", "Threads of each: whole numbers from 1 to 256 or “default”"),
        ("connections", "0", "from 1 to 1,000"),
        ("connections", "32,2x", "Connections at once: whole numbers"),
        ("rounds", "1; reboot", "Rounds: a whole number"),
        ("rounds", "1,2", "Rounds: a whole number"),
        ("seconds", "999", "from 1 to 60"),
        ("against", "../first", "There is no result “../first” to compare with"),
    ],
)
def test_what_cannot_be_chosen_is_told_and_starts_nothing(
    bench: Bench, word: str, value: str | list[str], why: str
):
    answer = bench.send_form("/bench/", {**SMALL, word: value})
    assert answer.status_code == 400
    assert why in answer.text
    assert not bench.shows("A bench is running")


def test_a_result_of_another_machine_is_refused_before_anything_is_measured(bench: Bench):
    need("wrk")
    answer = bench.send_form("/bench/", {**SMALL, "against": "elsewhere"})
    assert answer.status_code == 400
    assert "elsewhere is of another machine, so nothing here can be compared" in answer.text
    assert f"CPU was {MACHINE['CPU']} and is" in answer.text


def test_more_than_anybody_waits_for_is_refused_before_it_is_planned(bench: Bench):
    numbers = ",".join(map(str, range(1, 51)))
    many = {"workers": numbers, "threads": numbers, "connections": numbers, "rounds": "50"}
    answer = bench.send_form("/bench/", {**SMALL, **many})
    assert answer.status_code == 400
    assert "That makes 6,250,000 runs; choose less, for at most 2,000." in answer.text


def test_the_form_says_what_the_command_takes_and_can_be_filled_in_from_it():
    given = Given(
        {
            "servers": ["paceline", "floor"],
            "only": ["hello", "wait"],
            "way": ["direct", "nginx"],
            "bind": ["tcp", "unix"],
        },
        {"workers": "1, 2,1", "threads": "default,08", "rounds": "7", "seconds": ""},
        latency=True,
    )
    asked = cli.asked(given.words())
    assert asked == Experiment(
        *(("hello", "wait"), ("paceline", "floor"), 7, 2, asked.seed, True),
        ways=("direct", "nginx"),
        binds=("tcp", "unix"),
        workers=(1, 2),
        threads=(None, 8),
        connections=(32,),
    )
    again = Given.like(asked, "first", {})
    assert again.words() == given.words()
    assert again.against == "first"


def test_a_quick_look_chooses_its_rounds_and_seconds_by_itself():
    given = Given({"only": ["hello"]}, {"rounds": "many", "seconds": "999"}, quick=True)
    asked = cli.asked(given.words())
    assert (asked.rounds, asked.seconds) == (QUICK_ROUNDS, QUICK_SECONDS)
    many = Given({"only": [*WORKLOADS]}, {"connections": "1,2,3"}, latency=True, quick=True)
    with pytest.raises(Unrunnable, match=r"^Quick: one round alone would take about \d+ minutes"):
        planned(many.words())


def test_the_same_can_be_measured_again(bench: Bench):
    asked = Experiment(("wait",), ("gunicorn",), 4, 3, 1, workers=(1, 2), ways=("nginx",))
    written(bench.results / "planned.json", {"gunicorn": 9.0}, asked.as_table())
    assert "/bench/?like=planned#start" in bench.get("/bench/planned/").text
    form = bench.get("/bench/?like=planned").text
    assert set(re.findall(r'value="([\w:-]+)" checked', form)) == {
        "gunicorn",
        "wait",
        "nginx",
        "tcp",
    }
    for name, value in {"workers": "1,2", "rounds": "4", "seconds": "3"}.items():
        assert f'name="{name}" value="{value}"' in form
    assert '<option value="planned" selected>' in form
    assert "?like=" not in bench.get("/bench/first/").text  # an older lab did not say
    assert bench.get("/bench/?like=none").status_code == 404


def test_another_site_cannot_start_one(bench: Bench):
    for address in ("/bench/", "/bench/stop/"):
        assert requests.post(bench.url + address, SMALL, timeout=20).status_code == 403
    assert bench.get("/bench/stop/").status_code == 405


def test_one_runs_at_a_time_and_leaves_its_result(bench: Bench):
    need("wrk")
    here = {**machine.facts(), "cores": str(machine.these_cores())}
    written(bench.results / "here.json", {"floor 2c": 1e4}, connections=2, **here)
    assert bench.send_form("/bench/", {**SMALL, "against": "here"}).status_code == 200
    assert bench.shows("A bench is running")
    assert bench.send_form("/bench/", SMALL).status_code == 409
    eventually(lambda: bench.shows("came to its end"))
    (name,) = re.findall(r'id="so-far" href="/bench/([\d-]+)/"', bench.get("/bench/").text)
    found = Results.load(bench.results / f"{name}.json")
    assert [(run.server, run.workload, run.void) for run in found.runs] == [
        ("floor 2c", "hello", None)
    ]
    assert bench.get(f"/bench/{name}/").status_code == 200
    assert bench.shows("Against the results of")
    assert bench.shows(f"<code>{typed.lab()} bench --only=hello --servers=floor ")
    assert bench.shows(f'href="/bench/compare/?old=here&amp;new={name}"')
    both = bench.get(f"/bench/compare/?old=here&new={name}").text
    assert "requests/s" in both
    assert "too few rounds" in both


def test_one_that_is_stopped_leaves_nothing_running(bench: Bench):
    need("wrk")
    bench.send_form("/bench/", {**SMALL, "rounds": "50", "seconds": "60"})
    eventually(lambda: children(worker_of(bench)))
    (pid,) = children(worker_of(bench))
    assert bench.send_form("/bench/stop/", {}).status_code == 200
    eventually(lambda: bench.shows("stopped"))
    eventually(lambda: not is_alive(pid))


def test_it_is_as_urgent_as_any_other_program_and_ends_with_the_console(tmp_path: Path):
    need("wrk")
    folder = tmp_path / "a folder"
    folder.mkdir()
    with Bench(folder) as bench:
        first = html.escape(shlex.quote(f"{bench.results}/first.json"))
        assert bench.shows(f"<code>{typed.lab()} bench --json {first}</code>")
        bench.send_form("/bench/", {**SMALL, "seconds": "60"})
        eventually(lambda: children(worker_of(bench)))
        (pid,) = children(worker_of(bench))
        usual, its = (os.getpriority(os.PRIO_PROCESS, each) for each in (bench.popen.pid, pid))
        assert its == usual
        bench.close()
        eventually(lambda: not is_alive(pid))


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for task in tasks for each in task.read_text().split()]


def worker_of(bench: Bench) -> int:
    (worker,) = children(bench.popen.pid)
    return worker
