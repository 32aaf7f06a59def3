"""What the bench's form offers by where the console runs: containers, a project of one's own."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.bench import cli
from lab.bench.results import Results
from lab.console.environment import Environment
from lab.console.pages import bench_offer
from lab.console.pages.bench_form import MOST_PATHS, Given, paths_of
from lab.console.pages.bench_offer import Unrunnable
from lab.stack.layout import Layout
from lab.stack.up import environment
from lab.words import Words
from tests.services.requirements import need
from tests.services.stack import eventually
from tests.unit.console.measured import written
from tests.unit.console.test_pages_bench import SMALL, Bench

SOURCE = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [b"tea\\n"]
"""
NO_ENGINE = "Cannot connect to the Docker daemon"


def docker_that(does: str, folder: Path) -> str:
    """A PATH on which docker is a script that does this."""
    folder.mkdir(exist_ok=True)
    (folder / "docker").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "docker").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A project of one's own, by the words that `lab up` has for it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(SOURCE)
    return {
        "APP_PATH": str(folder),
        "APP_WSGI": "shop:app",
        "APP_REQUIREMENTS": "none",
        "APP_ENV_FILE": "",
    }


@pytest.fixture(scope="module")
def bench(shop: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The console of a stack that runs it, where no engine answers docker."""
    folder = tmp_path_factory.mktemp("bench")
    path = docker_that(f"echo {NO_ENGINE} >&2; exit 1", folder / "bin")
    with Bench(folder, **shop, LAB_VAR=str(folder / "var"), PATH=path) as running:
        yield running


def test_the_console_knows_what_its_stack_runs(shop: dict[str, str]):
    assert Environment.read({**shop, "SERVER": "paceline"}).project == shop
    assert Environment.read({"APP_PATH": "", "APP_WSGI": ""}).project == {}


def test_a_bench_finds_the_folder_of_the_stack_wherever_lab_up_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    told = Words.read({"LAB_VAR": "mine"})
    environ = environment(told, Layout.from_environ(told.environ), "127.0.0.1:1")
    assert environ["LAB_VAR"] == str(tmp_path / "mine")


def test_the_form_asks_the_project_by_its_words_or_the_lab(shop: dict[str, str]):
    given = Given({"servers": ["paceline"]}, paths="/a  /b?c=d,e /a", project=shop)
    asked = cli.asked(given.words())
    assert (asked.project, asked.workloads) == (shop, ("/a", "/b?c=d,e"))
    again = Given.like(asked, "first", shop)
    assert again.words() == given.words()
    the_lab = Given({"only": ["hello"]}, own=False, project=shop)
    assert cli.asked(the_lab.words()).project is None
    assert cli.asked(Given({"only": ["hello"]}, paths="/a").words()).workloads == ("hello",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prices/", "“prices/” must begin with /"),
        ("/a --help", "“--help” must begin with /"),
        ("/tee/é", "“/tee/é” must begin with / and hold nothing but ASCII"),
        ("/a\x00", "must begin with /"),
        (" ".join(f"/{n}" for n in range(MOST_PATHS + 1)), "21 are too many; at most 20"),
    ],
)
def test_what_is_no_path_is_refused(text: str, why: str):
    with pytest.raises(Unrunnable, match=re.escape(why)):
        paths_of(text)


def test_the_project_is_measured_by_the_form(bench: Bench, shop: dict[str, str]):
    need("wrk")
    form = bench.get("/bench/").text
    assert 'id="own" name="own" checked' in form
    assert f"of {shop['APP_PATH']}, which this stack runs" in form
    given = {**SMALL, "servers": ["paceline"], "own": "on", "paths": "/tea", "quick": "on"}
    assert bench.send_form("/bench/", given).status_code == 200
    eventually(lambda: bench.shows("came to its end"))
    (name,) = re.findall(r'id="so-far" href="/bench/([\d-]+)/"', bench.get("/bench/").text)
    found = Results.load(bench.results / f"{name}.json")
    assert [(run.workload, run.round, run.void) for run in found.runs] == [
        ("/tea", 1, None),
        ("/tea", 2, None),
    ]
    assert f"/bench/?like={name}#start" in bench.get(f"/bench/{name}/").text
    assert 'name="paths" value="/tea"' in bench.get(f"/bench/?like={name}").text


def test_a_result_of_another_project_cannot_be_repeated_here(bench: Bench, shop: dict[str, str]):
    plan = cli.asked(Given(project=shop).words()).as_table()
    plan["project"] = {**shop, "APP_WSGI": "other:app"}
    written(bench.results / "other.json", {"paceline": 1e4}, json.loads(json.dumps(plan)))
    assert "?like=" not in bench.get("/bench/other/").text
    assert bench.get("/bench/?like=other").status_code == 200


def test_where_no_docker_answers_the_form_says_so(bench: Bench):
    answer = bench.send_form("/bench/", {**SMALL, "way": ["containers"]})
    assert answer.status_code == 400
    assert f"Docker version failed: {NO_ENGINE}." in answer.text
    need("wrk")
    box = re.findall(r'value="containers".*', bench.get("/bench/").text)[0]
    assert "disabled" in box
    assert f"docker version failed: {NO_ENGINE}</small>" in box


def test_in_containers_there_is_every_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", docker_that("echo 28.0", tmp_path))
    monkeypatch.setattr("lab.serve.find_program", lambda name: None)
    bench_offer._no_docker.cache_clear()
    servers, _, ways, _ = bench_offer.groups()
    assert ways.read(["containers"]) == ["containers"]
    assert servers.read(["mod_wsgi"]) == ["mod_wsgi"]
    assert servers.options["mod_wsgi"].note == "in containers alone"
    monkeypatch.setenv("PATH", "/nowhere")
    bench_offer._no_docker.cache_clear()
    servers, _, ways, _ = bench_offer.groups()
    with pytest.raises(Unrunnable, match=r"^Containers need docker, which is not on PATH"):
        ways.read(["containers"])
    with pytest.raises(Unrunnable, match="is not installed here"):
        servers.read(["mod_wsgi"])
    bench_offer._no_docker.cache_clear()
