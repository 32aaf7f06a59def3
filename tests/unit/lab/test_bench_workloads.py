"""lab/workloads.toml: every entry is answered as it says, by the application that it names."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.bench import rounds, running, wrk
from lab.bench.candidates import Candidate
from lab.bench.cli import bench
from lab.bench.void import VoidError
from lab.bench.workloads import WORKLOADS, Workload
from lab.serve import WEBAPP
from lab.stack.ports import free_port
from tests.services.requirements import need

HELLO = {"summary": "", "app": "a:b", "path": "/"}
APPLICATIONS = sorted({workload.application for workload in WORKLOADS.values()})
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the bench needs Linux")


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "good", "bad"),
        [
            ({"body": "yes"}, b"yes", b"yes!"),
            ({"contains": "</html>"}, b"<html></html>\n", b"<html>"),
            ({"length": 3}, b"xxx", b"xxxx"),
            ({"json": {"a": 1}}, b'{"a": 1, "b": 2}', b'{"a": 2}'),
            ({"json": {"a": 1}}, b'{"a": 1}', b"[]"),
            ({"at_least": {"ms": 20}}, b'{"ms": 20.0}', b'{"ms": 19.9}'),
            ({"at_least": {"ms": 20, "cpu": 1}}, b'{"ms": 20.0, "cpu": 1.5}', b'{"ms": 20.0}'),
            ({"length": 3, "body": "yes"}, b"yes", b"xxx"),
        ],
    )
    def test_all_that_is_said_of_the_answer_must_hold(
        self, condition: dict[str, object], good: bytes, bad: bytes
    ):
        accepts = Workload.from_table("it", {**HELLO, **condition}).accepts
        assert accepts(good)
        assert not accepts(bad)

    def test_an_entry_that_says_nothing_of_its_answer_is_refused(self):
        with pytest.raises(ValueError, match="must say what its answer is"):
            Workload.from_table("it", HELLO)

    def test_a_key_that_is_not_known_is_refused(self):
        with pytest.raises(TypeError, match="keepalive"):
            Workload.from_table("it", {**HELLO, "body": "", "keepalive": False})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rounds.prepare(running.environment(folder))
    return folder


@pytest.fixture(params=APPLICATIONS)
def server(request: pytest.FixtureRequest, data: Path) -> Iterator[running.Started]:
    workload = next(w for w in WORKLOADS.values() if w.application == request.param)
    bind = f"127.0.0.1:{free_port()}"
    command = Candidate.parse("paceline").command(workload, bind)
    environ = running.environment(data)
    with running.started(command, workload, environ, bind, data / "log") as started:
        yield started


def of(server: running.Started) -> list[running.Started]:
    """The same server, asked for each of the workloads of its application."""
    return [
        running.Started(workload, server.bind, server.popen, server.log)
        for workload in WORKLOADS.values()
        if workload.application == server.workload.application
    ]


@on_linux
def test_the_application_answers_as_the_entry_says(server: running.Started):
    for asked in of(server):
        assert asked.check()


@on_linux
@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_wrk_sends_bodies_and_fields(data: Path):
    need("wrk")
    upload = WORKLOADS["upload"]
    bind = f"127.0.0.1:{free_port()}"
    command = Candidate.parse("paceline").command(upload, bind)
    environ = running.environment(data)
    with running.started(command, upload, environ, bind, data / "log"):
        asking = wrk.asking(upload)
        load = wrk.run(wrk.command(f"http://{bind}/", 0, 2, 1, asking), 1)
        assert load.requests
        with pytest.raises(VoidError, match="status of 400 or more"):
            wrk.run(wrk.command(f"http://{bind}/", 0, 2, 1, [*asking, "Host:a b"]), 1)


def test_the_fields_of_a_workload_reach_the_script():
    assert wrk.asking(WORKLOADS["hello"]) == []
    assert wrk.asking(WORKLOADS["hello-close"]) == ["--", "0", "Connection:close"]
    assert wrk.asking(WORKLOADS["upload"]) == ["--", "1000000"]


def test_django_is_found_in_its_folder():
    assert WORKLOADS["django-json"].folder == WEBAPP


def test_the_list_names_every_workload_and_marks_what_runs_where_nobody_chose():
    told = CliRunner().invoke(bench, ["--workloads"])
    assert told.exit_code == 0
    for each in WORKLOADS.values():
        (line,) = [line for line in told.output.splitlines() if line[2:].split(" ")[0] == each.name]
        assert line.startswith("* " if each.usual else "  ")
        assert line.endswith(each.summary)
