"""How a bench tells the stack in containers what to run, and how Docker's failures are told."""

import os
import signal
from pathlib import Path

import pytest

from lab.bench import compose, own
from lab.bench.candidates import Candidate, crossed
from lab.bench.containers import application, words
from lab.bench.machine import Cores
from lab.bench.setups import Setup, every
from lab.bench.workloads import WORKLOADS
from lab.errors import LabError
from lab.serve import WordError

CORES = Cores(0, 1, proxy=2)


def test_a_candidate_becomes_the_words_that_compose_knows(tmp_path: Path):
    setup = Setup("containers", "unix", workers=2, threads=16)
    candidate = Candidate.parse("gunicorn", setup)
    assert candidate.name == "gunicorn containers unix 2w 16t"
    assert words(WORKLOADS["tiny-json"], candidate, CORES, tmp_path) == {
        "SERVER": "gunicorn",
        "CONCURRENCY": "gthread",
        "WORKERS": "2",
        "THREADS": "16",
        "TRANSPORT": "unix",
        "LAB_TRACE": "off",
        "APP": "tiny",
        "ALLOWED_HOSTS": "*",
        "BENCH_SERVER_CORES": "0,2",
        "BENCH_PROXY_CORES": "2",
    }


def test_plain_wsgi_comes_as_a_project_of_one_file_that_any_user_may_read(tmp_path: Path):
    said = application(WORKLOADS["wait"], tmp_path)
    assert said["APP_WSGI"] == "apps:wait"
    (module,) = Path(said["APP_PATH"]).iterdir()
    assert module.name == "apps.py"
    assert module.stat().st_mode & 0o444 == 0o444
    assert application(WORKLOADS["hello"], tmp_path)["APP_PATH"] == said["APP_PATH"]


def test_a_project_of_ones_own_is_named_by_its_words(tmp_path: Path):
    (tmp_path / "shop.py").touch()
    named = own.words(str(tmp_path), "shop:application")
    assert named is not None
    (workload,) = own.workloads(named, ["/prices/"])
    said = application(workload, tmp_path / "unused")
    assert said == {"APP_PATH": str(tmp_path), "APP_WSGI": "shop:application"}


def test_what_the_stack_has_not_is_left_out_and_said():
    found, refused = crossed(["paceline", "floor"], list(every(("direct", "containers"))))
    assert [each.name for each in found] == ["paceline", "floor", "paceline containers"]
    assert refused == [
        "floor containers is left out: --way containers: floor is no server of the stack"
    ]
    with pytest.raises(WordError, match="gunicorn cannot listen there"):
        Candidate.parse("gunicorn", Setup("containers", "uwsgi"))
    assert not found[2].runs(WORKLOADS["idle"])


def test_a_server_need_not_be_installed_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lab.serve.find_program", lambda name: None)
    with pytest.raises(WordError, match="is not installed here"):
        Candidate.parse("mod_wsgi", Setup("nginx"))
    assert Candidate.parse("mod_wsgi", Setup("containers")).choice


class TestDocker:
    @pytest.fixture
    def docker(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A docker that is a script, to be written."""
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        program = tmp_path / "docker"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        return program

    def test_it_gets_words_from_the_bench_alone(
        self, docker: Path, monkeypatch: pytest.MonkeyPatch
    ):
        docker.write_text("#!/bin/sh\nenv\n")
        for name in ("SERVER", "COMPOSE_PROFILES", "LISTEN_ADDRESS", "DOCKER_HOST"):
            monkeypatch.setenv(name, "the person's")
        given = dict(
            line.split("=", 1) for line in compose.docker("ps", words={"APP": "tiny"}).splitlines()
        )
        assert given["APP"] == "tiny"
        assert given["DOCKER_HOST"] == "the person's"
        assert not {"SERVER", "COMPOSE_PROFILES", "LISTEN_ADDRESS"} & given.keys()

    def test_the_last_line_says_why_it_failed(self, docker: Path):
        docker.write_text("#!/bin/sh\necho one >&2\necho no such service: tea >&2\nexit 14\n")
        with pytest.raises(LabError, match=r"^docker compose failed: no such service: tea$"):
            compose.docker("compose", "up")

    def test_one_that_is_missing_is_said(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(LabError, match="need docker, which is not on PATH: https://"):
            compose.version()

    def test_ctrl_c_waits_until_nothing_is_half_done(self):
        done = False
        with pytest.raises(KeyboardInterrupt), compose.uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done = True
        assert done

    def test_all_is_removed_whoever_asks_to_stop_meanwhile(self, docker: Path, tmp_path: Path):
        docker.write_text(
            f"""#!/bin/sh
            echo "$*" >> {tmp_path}/log
            case "$*" in *down*) kill -INT $PPID ;; "image ls"*) echo i:t ;; esac
            """
        )
        with pytest.raises(KeyboardInterrupt):
            compose.Project().remove()
        assert (tmp_path / "log").read_text().splitlines()[-1] == "image rm i:t"
