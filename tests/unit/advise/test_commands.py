"""Sizes as command lines, and the stack's own server as it is compared with them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paceline.concurrency import adaptive

from lab.advise import commands
from lab.advise.comparing import Comparison
from lab.advise.served import Served, available_memory, served, worker_memory
from lab.advise.sizing import Machine, Size
from lab.advise.stack import Stack
from lab.errors import LabError
from lab.stack.layout import REPO, Layout
from lab.stack.running import Running
from lab.trace.console import Console
from tests.services.stack import eventually

SIZE = Size(rate=100, processes=2, threads=11, single=18, at_work=9, cores_busy=1)


def lines(size: Size) -> list[str]:
    return [" ".join(setting.command("shop:app")) for setting in commands.settings(size)]


def test_each_server_is_told_its_processes_and_threads():
    paceline, pool, serial, gthread, sync, uwsgi = lines(SIZE)
    assert paceline == "paceline shop:app --bind 127.0.0.1:8000 --workers 2 -k adaptive"
    assert pool.endswith("--workers 2 -k pool --threads 11")
    assert serial.endswith("--workers 18 -k serial")
    assert gthread.startswith("gunicorn shop:app --bind 127.0.0.1:8000 --workers 2 --worker-class")
    assert "gthread --threads 11 " in gthread
    assert "--workers 18 --worker-class sync" in sync
    assert "--threads" not in sync
    assert uwsgi.startswith("uwsgi --module shop:app ")
    assert "--processes 2 --enable-threads --threads 11 " in uwsgi


def test_paceline_is_told_of_threads_where_it_would_not_send_out_so_many():
    assert adaptive.MAX_THREADS == commands.PACELINE_OWN
    many = Size(100, 2, commands.PACELINE_OWN + 1, 99, 9, 1)
    assert lines(many)[0].endswith(f"--threads {adaptive.MAX_THREADS + 1}")


def comparison(server: str | None = None) -> Comparison:
    stack = Stack(None, Layout(Path("/nowhere")), {"APP": "tiny"}, Console("http://localhost:1"))
    return Comparison(stack, SIZE, Machine(2), server, 5, 3)


@pytest.mark.parametrize(
    ("now", "asked", "names", "advice"),
    [
        ({"SERVER": "paceline"}, None, ["default", "advice"], "-k adaptive"),
        ({"SERVER": "paceline", "WORKERS": "4"}, None, ["default", "now", "advice"], "-k adaptive"),
        ({"SERVER": "paceline", "WORKERS": "2"}, None, ["default", "advice"], "-k adaptive"),
        ({"SERVER": "gunicorn", "CONCURRENCY": "sync"}, None, ["default", "advice"], "sync"),
        ({"SERVER": "waitress", "THREADS": "4"}, None, ["default", "advice"], "-k adaptive"),
        ({"SERVER": "paceline", "WORKERS": "4"}, "uwsgi", ["default", "advice"], "--threads 11"),
        (
            {"SERVER": "gunicorn", "CONCURRENCY": "gevent"},
            None,
            ["default", "now", "advice"],
            "gthread",
        ),
    ],
)
def test_the_advice_is_compared_with_the_default_and_what_runs(
    now: dict[str, str], asked: str | None, names: list[str], advice: str
):
    known = Served(now["SERVER"], "tiny.app:application", Path(), Path(), now)
    found = comparison(asked).settings(known)
    assert list(found) == names
    assert advice in " ".join(found["advice"].command())


def start(
    monkeypatch: pytest.MonkeyPatch, words: dict[str, str] | None, said: dict[str, str], server: int
) -> str:
    """How a stack with these words is started with another server where others are said."""
    monkeypatch.chdir(REPO)
    state = None if words is None else Running(1, "", 8080, 8443, "", words=words)
    stack = Stack(state, Layout(REPO / "var"), said, Console("http://localhost:1"))
    return stack.start([*commands.settings(SIZE)][server])


def test_the_stack_is_started_again_with_all_its_words(monkeypatch: pytest.MonkeyPatch):
    words = {"SERVER": "uwsgi", "TRANSPORT": "uwsgi", "WORKERS": "9", "HTTP_PORT": "8090"}
    words |= {"APP_PATH": "/my shop", "APP_WSGI": "shop:app"}
    mine = "HTTP_PORT=8090 APP_PATH='/my shop' APP_WSGI=shop:app"
    assert start(monkeypatch, words, {}, 0) == (
        f"make up SERVER=paceline CONCURRENCY=adaptive WORKERS=2 {mine}"
    )
    assert start(monkeypatch, words, {}, 5) == (
        "make up SERVER=uwsgi CONCURRENCY=threads WORKERS=2 THREADS=11 TRANSPORT=uwsgi " + mine
    )


def test_what_the_shell_says_otherwise_is_undone(monkeypatch: pytest.MonkeyPatch):
    said = {"THREADS": "40", "APP": "tiny", "SERVER": "gunicorn", "LAB_TRACE": "off"}
    line = start(monkeypatch, {"APP": "tiny"}, said, 0)
    assert line == (
        "make up SERVER=paceline CONCURRENCY=adaptive WORKERS=2 APP=tiny THREADS= LAB_TRACE="
    )


def test_a_stack_in_containers_is_started_by_docker(monkeypatch: pytest.MonkeyPatch):
    said = {"APP": "tiny", "HTTP_PORT": "8090"}
    assert start(monkeypatch, None, said, 2) == (
        "SERVER=paceline CONCURRENCY=serial WORKERS=18 APP=tiny HTTP_PORT=8090 "
        "docker compose up --build"
    )


def test_a_server_is_started_where_its_module_is(tmp_path: Path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/shop.py").touch()
    known = Served("paceline", "shop.wsgi:app", tmp_path, Path(), {})
    assert known.place == tmp_path / "src"
    (tmp_path / "shop").mkdir()
    assert known.place == tmp_path


def test_what_is_not_of_this_machine_is_not_measured():
    assert "not one of `lab up` on this machine" in comparison().obstacle(["/"], None)


@contextmanager
def process(**environ: str) -> Iterator[int]:
    """One that holds some memory, and leads a session."""
    code = "x = bytearray(30_000_000); print(flush=True); input()"
    popen = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environ,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert popen.stdout
    popen.stdout.readline()
    yield popen.pid
    popen.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_what_a_server_was_started_for_is_read_from_its_process():
    told = {"LAB_WSGI": "shop:app", "LAB_SERVER": "gunicorn", "WORKERS": "3", "THREADS": ""}
    with process(**told, LAB_TELEMETRY="/x", DATABASE_URL="a=b") as pid:
        found = served(pid)
        assert found.application == "shop:app"
        assert found.now == {"SERVER": "gunicorn", "WORKERS": "3"}
        assert found.folder == Path("/")
        assert found.programs == Path(sys.executable).parent
        assert found.environ["DATABASE_URL"] == "a=b"
        assert not {"LAB_WSGI", "LAB_TELEMETRY"} & set(found.environ)
        taken, free = worker_memory(pid), available_memory()
        assert taken
        assert 30 < taken < 300
        assert free
    with process() as pid, pytest.raises(LabError, match="does not say which application"):
        served(pid)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    with pytest.raises(LabError, match="cannot read how the server"):
        served(pid)
    assert worker_memory(pid) is None
