"""What is measured and how: command lines, the order of runs, cores, answers that are accepted."""

from typing import Any

import pytest
from click.testing import CliRunner

from lab.bench import machine, measuring
from lab.bench.candidates import Candidate
from lab.bench.cli import bench, choose
from lab.bench.experiment import Experiment
from lab.bench.machine import Cores, choose_cores
from lab.bench.rounds import Plan
from lab.bench.workloads import WORKLOADS
from lab.serve import WordError

BIND = "127.0.0.1:8000"
NO_SIBLINGS = {0: {0}, 1: {1}, 2: {2}, 3: {3}}


def asked(servers: str, quick: bool = False, **choice: Any) -> Experiment:
    """What the command line asks for by some options."""
    plain = {"turns": None, "seconds": None, "seed": 1, "only": ("hello",)}
    return choose(servers=servers, quick=quick, **{**plain, **choice})


class TestCandidates:
    def test_paceline_is_told_nothing_but_its_defaults(self):
        command = Candidate.parse("paceline").command(WORKLOADS["wait"], BIND)
        assert command == [
            *("paceline", "lab.bench.apps:wait", "--bind", BIND),
            *("--workers", "1", "-k", "adaptive"),
        ]

    def test_gunicorn_runs_as_its_documentation_recommends(self):
        command = " ".join(Candidate.parse("gunicorn").command(WORKLOADS["django-json"], BIND))
        assert command.startswith(f"gunicorn config.wsgi:application --bind {BIND} --workers 1 ")
        assert " --worker-class gthread --threads 8 " in command

    @pytest.mark.parametrize("name", ["paceline", "paceline:pool", "gunicorn", "gunicorn:sync"])
    @pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
    def test_nobody_writes_an_access_log(self, name, workload):
        assert "--access-logfile" not in Candidate.parse(name).command(workload, BIND)

    def test_a_model_is_chosen_behind_a_colon(self):
        command = Candidate.parse("gunicorn:sync").command(WORKLOADS["hello"], BIND)
        assert command[command.index("--worker-class") + 1] == "sync"

    @pytest.mark.parametrize("name", ["paceline", "gunicorn"])
    def test_room_is_made_for_the_idle_connections(self, name: str):
        workload = WORKLOADS["idle"]
        command = Candidate.parse(name).command(workload, BIND)
        assert int(command[command.index("--worker-connections") + 1]) > workload.idle

    def test_the_floor_knows_few_answers(self):
        floor = Candidate.parse("floor")
        asked = [name for name, workload in WORKLOADS.items() if floor.runs(workload)]
        assert asked == ["hello", "wait-10", "wait-100"]

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ("apache", "apache: unknown server; choose from paceline, gunicorn, .*, floor"),
            ("paceline:", "paceline:: name a concurrency model after the colon, or leave it out"),
            ("gunicorn:pool", "CONCURRENCY=pool: unknown to gunicorn; choose one of gthread, sync"),
            (" , ", "names no server"),
        ],
    )
    def test_a_wrong_name_is_refused_with_the_right_ones(self, names: str, message: str):
        with pytest.raises(WordError, match=message):
            asked(names).plan()

    def test_a_name_said_twice_counts_once(self):
        plan, refused = asked("floor, gunicorn,floor").plan()
        assert [c.name for c in plan.candidates] == ["floor", "gunicorn"]
        assert refused == []


class TestOrder:
    @staticmethod
    def plan(seed: int, rounds: int = 3) -> Plan:
        workloads = [WORKLOADS["hello"], WORKLOADS["wait"]]
        servers = [Candidate.parse(name) for name in ("paceline", "gunicorn", "floor")]
        return Plan(workloads, servers, rounds, 1, seed, Cores(0, 1))

    def test_each_round_has_every_cell_once(self):
        turns = self.plan(1).turns()
        cells = {
            *(("hello", server) for server in ("paceline", "gunicorn", "floor")),
            *(("wait", server) for server in ("paceline", "gunicorn")),
        }
        assert [turn.round for turn in turns] == [1] * 5 + [2] * 5 + [3] * 5
        for number in (1, 2, 3):
            of_round = [turn for turn in turns if turn.round == number]
            assert {(t.workload.name, t.candidate.name) for t in of_round} == cells

    def test_what_is_compared_runs_one_after_the_other(self):
        names = [turn.workload.name for turn in self.plan(1, rounds=1).turns()]
        assert names in (["hello"] * 3 + ["wait"] * 2, ["wait"] * 2 + ["hello"] * 3)

    def test_the_order_follows_from_the_seed(self):
        assert self.plan(7).turns() == self.plan(7).turns()
        assert len({str(self.plan(seed).turns()) for seed in range(5)}) > 1

    def test_nobody_is_first_in_every_round(self):
        turns = self.plan(1, rounds=20).turns()
        hello = [turn for turn in turns if turn.workload.name == "hello"]
        assert {turn.candidate.name for turn in hello[::3]} == {"paceline", "gunicorn", "floor"}


class TestCores:
    def test_server_and_load_get_one_each(self):
        assert choose_cores([0, 1], NO_SIBLINGS) == Cores(0, 1)

    def test_nginx_gets_the_third_and_the_rest_is_spare(self):
        assert choose_cores([3, 0, 1, 2], NO_SIBLINGS) == Cores(0, 1, proxy=2, spare=(3,))

    def test_threads_of_one_core_are_avoided_where_there_are_others(self):
        pairs = {0: {0, 1}, 1: {0, 1}, 2: {2, 3}, 3: {2, 3}}
        assert choose_cores([0, 1, 2, 3], pairs) == Cores(0, 2, spare=(1, 3))

    def test_each_worker_gets_one_and_those_of_nginx_and_load_come_last(self):
        cores = Cores(0, 1, proxy=2, spare=(3,))
        assert [cores.of_server(workers) for workers in (1, 2, 3, 9)] == [
            *([0], [0, 3], [0, 2, 3], [0, 1, 2, 3])
        ]

    @pytest.mark.parametrize(
        ("cores", "workers", "proxied", "said"),
        [
            (Cores(0, 1), 1, False, ""),
            (Cores(0, 1), 1, True, "nginx and load share core 1"),
            (Cores(0, 1), 2, False, "with 2 workers the server has the core of load too"),
            (Cores(0, 1, proxy=2), 2, False, ""),
            (Cores(0, 1, proxy=2), 2, True, "with 2 workers the server has the core of nginx too"),
        ],
    )
    def test_who_shares_a_core_is_said(self, cores: Cores, workers: int, proxied: bool, said: str):
        assert cores.shared(workers, proxied) == said

    def test_what_many_setups_share_is_said_once(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(machine, "these_cores", lambda: Cores(0, 1))
        monkeypatch.setattr(machine, "facts", dict)
        plan, _ = asked("paceline", ways=("nginx",), workers=(1, 2)).plan()
        assert measuring.facts(plan)["beware"].count("nginx and load share core 1") == 1

    def test_threads_of_one_core_are_said_where_not(self):
        cores = choose_cores([0, 1], {0: {0, 1}, 1: {0, 1}})
        assert (cores.server, cores.load) == (0, 1)
        assert "two threads of one core" in cores.warning

    def test_one_core_alone_is_said(self):
        cores = choose_cores([5], {})
        assert (cores.server, cores.load) == (5, 5)
        assert "one core for server and load" in cores.warning


class TestAnswers:
    @pytest.mark.parametrize(
        ("workload", "body", "accepted"),
        [
            ("hello", b"Hello, world\n", True),
            ("hello", b"Hello, world", False),
            ("django-json", b'{"message": "Hello, world", "numbers": [1, 2, 3]}', True),
            ("django-json", b"<h1>Bad Request</h1>", False),
            ("django-json", b"[]", False),
            ("django-wait", b'{"wall_ms": 20.07, "cpu_ms": 0.03}', True),
            ("django-wait", b'{"wall_ms": 3.0, "cpu_ms": 0.03}', False),
            ("django-cpu", b'{"wall_ms": 9.1, "cpu_ms": 5.004}', True),
            ("django-cpu", b'{"wall_ms": 9.1}', False),
        ],
    )
    def test_only_the_work_that_was_asked_for_is_accepted(
        self, workload: str, body: bytes, accepted: bool
    ):
        assert WORKLOADS[workload].accepts(body) is accepted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "--rounds"),
        (["--seconds", "half"], "--seconds"),
        (["--only", "tea"], "'tea' is not one of 'hello', 'hello-close'"),
        (["--workers", "1,none"], "'none' is not a valid integer range"),
        (["--threads", ","], "names nothing"),
        (["--way", "direct,varnish"], "'varnish' is not one of 'direct', 'nginx'"),
    ],
)
def test_a_bad_value_is_refused_before_anything_runs(arguments: list[str], message: str):
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code == 2
    assert message in done.output
