"""`lab bench --app`: a project of one's own, path by path."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from lab.bench import own
from lab.bench.candidates import Candidate
from lab.bench.cli import choose
from lab.bench.experiment import Experiment
from lab.serve import WordError
from tests.services.requirements import need
from tests.services.stack import Stack

SOURCE = """
import os

def app(environ, start_response):
    start_response(os.environ["STATUS"], [("Content-Length", "6")])
    return [f"{environ['HTTP_HOST'][:5]}\\n".encode()]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "shop.py").write_text(SOURCE)
    (folder / "env").write_text("STATUS='200 OK'\n")
    return folder


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_VAR", str(tmp_path / "var"))
    return tmp_path / "var"


def asked(**choice: object) -> Experiment:
    plain = {"turns": 1, "seconds": 1, "seed": 1, "only": (), "servers": "paceline,floor"}
    return choose(**{**plain, "quick": False, **choice})  # type: ignore[arg-type]


def test_each_path_is_a_workload_and_a_file_says_so(
    shop: Path, var: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(shop)
    experiment = asked(app=".", wsgi="shop:app", paths=("/a", "/b", "/a"), env_file="../shop/env")
    (first, second), project = experiment.workloads, experiment.project
    assert (first, second) == ("/a", "/b")
    assert project and project["APP_ENV_FILE"] == str(shop / "env")
    again = json.loads(json.dumps(experiment.as_table()))
    assert Experiment.read(again, "file").project == project


def test_a_server_finds_the_project_and_what_it_requires(shop: Path, var: Path):
    words = own.words(str(shop), "shop:app")
    assert words
    (workload,) = own.workloads(words, ["/a?b"])
    candidate = Candidate.parse("gunicorn")
    assert candidate.command(workload, "127.0.0.1:1")[:2] == ["gunicorn", "shop:app"]
    variables = candidate.variables(workload)
    first, second, packages = variables["PYTHONPATH"].split(":")
    assert (first, second) == (str(shop), str(shop / "src"))
    assert Path(packages).is_relative_to(var / "packages")
    assert (workload.folder, workload.path) == (shop, "/a?b")
    assert workload.request("127.0.0.1:1").startswith("GET /a?b HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"wsgi": "shop:app"}, "--wsgi: of which project? Name its folder by --app"),
        ({"paths": ("/a",)}, "--path /a: of which project? Name its folder by --app"),
        ({"app": ".", "wsgi": "a:b", "paths": ("a",)}, "--path a: must begin with /"),
        ({"app": "/nowhere", "wsgi": "a:b"}, "APP_PATH=/nowhere: there is no such folder"),
        (
            {"app": "/tmp"},
            "APP_PATH=/tmp: what of it is served? By APP_WSGI (--wsgi) write module:callable, "
            "as in shop.wsgi:application",
        ),
        (
            {"app": "/tmp", "wsgi": "a:b", "only": ("hello",)},
            "--only hello: is the lab's; of a project of your own say --path",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_line(choice: dict[str, object], message: str):
    with pytest.raises(WordError) as refused:
        asked(**choice)
    assert str(refused.value) == message


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("taskset") is None,
    reason="the bench needs Linux and taskset",
)
def test_it_is_measured_as_it_would_be_served(shop: Path, tmp_path: Path):
    need("wrk")
    options = ("--app", str(shop), "--wsgi", "shop:app", "--env-file", str(shop / "env"))
    once = ("--rounds", "1", "--seconds", "1", "--servers", "paceline")
    with Stack(tmp_path / "var") as stack:
        done = stack.lab("bench", *options, *once, "--path", "/a", "--json", str(tmp_path / "runs"))
        assert done.returncode == 0, done.stdout + done.stderr
        (run,) = json.loads((tmp_path / "runs").read_text())["runs"]
        assert (run["workload"], run["void"]) == ("/a", None)
        assert run["figures"]["requests"] > 0

        (shop / "env").write_text("STATUS='500 No'\n")
        failed = stack.lab("bench", *options, *once)
        assert failed.returncode == 1
        assert "void: / answered 500, not 200" in failed.stdout
