"""The axes of a choice: through nginx or not, TCP or Unix, workers, threads, connections."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.bench import cli, rounds, wrk
from lab.bench.candidates import IDLE_BEHIND, Candidate, crossed
from lab.bench.machine import these_cores
from lab.bench.results import Results, Run
from lab.bench.rounds import Plan, Turn
from lab.bench.running import environment
from lab.bench.setups import Setup, every
from lab.bench.void import VoidError
from lab.bench.workloads import WORKLOADS, Workload
from lab.serve import WordError
from tests.services.requirements import need

HELLO = WORKLOADS["hello"]
BIND = "127.0.0.1:8000"

on_linux = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("taskset") is None,
    reason="the bench needs Linux and taskset",
)


def names(servers: str, **axes: tuple[object, ...]) -> list[str]:
    found, _ = crossed(servers.split(","), list(every(**axes)))  # type: ignore[arg-type]
    return [candidate.name for candidate in found]


class TestCrossed:
    def test_without_a_word_a_server_has_its_own_name(self):
        assert names("paceline,floor") == ["paceline", "floor"]

    def test_every_combination_has_a_name_that_says_what_is_not_as_usual(self):
        assert names("paceline", ways=("direct", "nginx"), binds=("tcp", "unix")) == [
            *("paceline", "paceline unix", "paceline nginx", "paceline nginx unix")
        ]
        assert names(
            "gunicorn:gthread", workers=(2,), threads=(None, 16), connections=(32, 64)
        ) == [
            *("gunicorn:gthread 2w", "gunicorn:gthread 2w 64c"),
            *("gunicorn:gthread 2w 16t", "gunicorn:gthread 2w 16t 64c"),
        ]

    def test_what_a_server_cannot_be_is_left_out_and_said(self):
        found, refused = crossed(["waitress", "floor"], list(every(workers=(1, 2))))
        assert [candidate.name for candidate in found] == ["waitress", "floor"]
        assert refused == [
            "waitress 2w is left out: WORKERS=2: waitress runs as one process; leave it empty"
        ]

    def test_the_floor_is_one_process_and_thread_whatever_is_asked(self):
        assert names("floor", workers=(2,), threads=(8, 16)) == ["floor"]

    @pytest.mark.parametrize(
        ("server", "setup", "message"),
        [
            ("gunicorn:sync", Setup(threads=8), "THREADS=8: means nothing to gunicorn"),
            ("gunicorn", Setup(way="nginx", bind="uwsgi"), "gunicorn cannot listen there"),
            ("uwsgi", Setup(bind="uwsgi"), "only nginx speaks it here; add --way nginx"),
            ("runserver", Setup(bind="unix"), "runserver cannot listen there"),
        ],
    )
    def test_a_server_that_can_be_in_no_setup_is_refused(
        self, server: str, setup: Setup, message: str
    ):
        with pytest.raises(WordError, match=message):
            crossed([server], [setup])

    def test_the_command_says_workers_and_threads(self):
        candidate = Candidate.parse("gunicorn", Setup(workers=2, threads=16))
        command = " ".join(candidate.command(HELLO, BIND))
        assert " --workers 2 " in command
        assert " --threads 16 " in command
        assert candidate.threads == 16

    def test_idle_clients_come_directly_and_by_tcp_alone(self):
        idle = WORKLOADS["idle"]
        asked = [
            Candidate.parse("paceline", setup).runs(idle) for setup in every(("direct", "nginx"))
        ]
        assert asked == [True, False]
        assert not Candidate.parse("paceline", Setup(bind="unix")).runs(idle)

    @pytest.mark.parametrize(
        ("ways", "binds", "why"),
        [
            (["nginx", "containers"], ["tcp"], "nginx keeps idle connections to itself and no"),
            (["direct"], ["unix"], "idle connections come by TCP alone; --bind tcp measures them"),
        ],
    )
    def test_why_nobody_can_be_asked_for_idle_connections_is_one_line(
        self, ways: list[str], binds: list[str], why: str
    ):
        choice = [f"--way={','.join(ways)}", f"--bind={','.join(binds)}", "--only=idle"]
        with pytest.raises(WordError) as refused:
            cli.asked(["--servers=paceline,gunicorn", *choice]).plan()
        said = f"--servers paceline, gunicorn: cannot be asked idle: {why}"
        assert str(refused.value).startswith(said)
        assert "\n" not in str(refused.value)

    def test_those_that_are_left_out_among_others_are_said_once(self):
        words = [
            "--only=idle",
            "--only=hello",
            "--servers=paceline,gunicorn,floor",
            "--way=direct,nginx",
        ]
        plan, said = cli.asked(words).plan()
        assert said == [f"idle of paceline nginx, gunicorn nginx is left out: {IDLE_BEHIND}"]
        idle = [each.candidate.name for each in plan.turns() if each.workload.idle]
        assert set(idle) == {"paceline", "gunicorn"}


class Ending(Candidate):
    def command(self, workload: Workload, bind: str) -> list[str]:
        return [sys.executable, "-c", "import sys; sys.exit('out of order')"]


def run_once(folder: Path, candidate: Candidate, workload: str = "hello") -> Run:
    asked = WORKLOADS[workload]
    plan = Plan([asked], [candidate], 1, 1, 0, these_cores(), 8)
    return rounds.run_once(plan, Turn(1, asked, candidate), environment(folder), folder / "log")


@on_linux
class TestForReal:
    @pytest.fixture(autouse=True)
    def wrk(self) -> str:
        return need("wrk")

    @pytest.mark.parametrize(
        ("server", "setup"),
        [
            ("paceline", Setup("nginx", "unix", workers=2)),
            ("uwsgi", Setup("nginx", "uwsgi")),
        ],
        ids=str,
    )
    def test_nginx_stands_in_front_and_what_it_costs_is_told_apart(
        self, tmp_path: Path, server: str, setup: Setup
    ):
        made = run_once(tmp_path, Candidate.parse(server, setup))
        assert made.void is None
        assert (made.way, made.bind, made.workers) == ("nginx", setup.bind, setup.workers)
        assert (made.threads, made.connections) == (setup.threads or made.threads, 8)
        assert made.groups.keys() == {"server", "proxy", "load"}
        # Time is counted in ticks of 10 ms: few requests on a busy machine may fall between two.
        assert all(0 <= microseconds < 100_000 for microseconds in made.groups.values())
        assert made.groups["load"] > 0
        assert made.figures["proxy_cpu_us"] == made.groups["proxy"]
        assert [command.split()[0] for command in made.commands] == ["taskset"] * 3
        assert "nginx" in made.commands[1]

    @pytest.mark.parametrize("workload", ["upload", "hello-close"])
    def test_a_unix_socket_is_asked_directly(self, tmp_path: Path, workload: str):
        made = run_once(tmp_path, Candidate.parse("paceline", Setup(bind="unix")), workload)
        assert made.void is None
        assert made.groups.keys() == {"server", "load"}
        assert made.figures["requests"] > 5
        assert 0 < made.figures["p50_ms"] <= made.figures["p99_ms"] <= made.figures["max_ms"]

    def test_a_server_that_nginx_does_not_reach_is_void_with_its_own_reason(self, tmp_path: Path):
        made = run_once(tmp_path, Ending("it", setup=Setup("nginx")))
        assert made.figures == {}
        assert made.void == "it ended by itself (exit status 1); its last line: out of order"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "answers had a status of 400 or more"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "answers broke off"),
    ],
)
def test_errors_over_a_unix_socket_void_the_run_as_those_of_wrk(
    tmp_path: Path, answer: bytes, error: str
):
    script = (
        "import socket, sys\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(sys.argv[1])\nlistener.listen()\nprint(flush=True)\n"
        "while True:\n"
        "    client, _ = listener.accept()\n"
        f"    client.recv(1000)\n    client.sendall({answer!r})\n    client.close()\n"
    )
    path = f"{tmp_path}/server.sock"
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as server:
        assert server.stdout
        server.stdout.readline()
        words = [f"unix:{path}", "/", "2", "0.3"]
        command = [sys.executable, "-m", "lab.bench.closed_loop", *words]
        with pytest.raises(VoidError, match=error):
            wrk.run(command, 1)
        server.kill()


def test_a_file_of_an_older_or_newer_lab_is_read(tmp_path: Path):
    (tmp_path / "old.json").write_text(
        '{"facts": {}, "workloads": ["hello"], "servers": ["paceline"], "weather": "fine",'
        ' "runs": [{"workload": "hello", "server": "paceline", "round": 1, "commands": ["x"],'
        ' "figures": {"cpu_us": 30.0}, "void": null, "mood": "good"}]}'
    )
    [run] = Results.load(tmp_path / "old.json").runs
    assert (run.way, run.bind, run.workers, run.threads, run.connections) == (
        *("direct", "tcp", 1, None, None),
    )
    assert run.groups == {}
