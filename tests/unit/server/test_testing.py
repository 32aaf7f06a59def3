"""What paceline offers to tests of other people."""

import gc
import gzip
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from paceline import testing
from paceline.concurrency import MODELS
from paceline.concurrency.serial import Serial
from paceline.errors import ConfigError
from paceline.testing import serve

from tests.unit.server.supervised import until

SERVER = Path(testing.__file__).parents[1]


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("as it was told")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {environ['PATH_INFO']}".encode()]


def test_the_example_of_the_readme_is_a_test_that_passes(tmp_path: Path) -> None:
    readme = (SERVER / "README.md").read_text()
    found = re.search(r"<!-- (example of a test) -->\n(.*)<!-- end of \1 -->", readme, re.DOTALL)
    assert found
    example = tmp_path / "test_example.py"
    example.write_text("".join(line[4:] or "\n" for line in found[2].splitlines(keepends=True)))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SERVER)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("model", MODELS)
def test_it_is_served_in_this_process_until_the_end_of_the_block(model: str) -> None:
    with serve(application, worker_class=model) as server:
        for path in ("/one", "/two"):
            with urlopen(server.url + path) as answer:
                assert answer.read().decode() == f"{os.getpid()} {path}"
    with pytest.raises(OSError, match="refused"):
        urlopen(server.url)


def test_several_are_served_at_once() -> None:
    with serve(application) as one, serve(application) as other:
        assert one.url != other.url
        for server in (one, other):
            with urlopen(server.url) as answer:
                assert answer.status == 200


def test_settings_are_those_of_a_file() -> None:
    with serve(application, gzip=True, gzip_min_length="1", limit_request_line=100) as server:
        request = Request(server.url, headers={"Accept-Encoding": "gzip"})
        with urlopen(request) as answer:
            assert gzip.decompress(answer.read()).endswith(b" /")
        with pytest.raises(HTTPError, match="414"):
            urlopen(server.url + "/" + "a" * 100)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"worker_class": "gevent"}, "worker_class: .* the nearest is 'adaptive'"),
        ({"workers": 2}, "takes no workers; it takes .*threads"),
        ({"certfile": "/nowhere", "keyfile": "/nowhere"}, "cannot be used"),
    ],
)
def test_what_cannot_be_is_said(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message), serve(application, **setting):
        pytest.fail("it was served")


def test_an_address_of_ones_own(tmp_path: Path) -> None:
    with serve(application, bind=f"unix:{tmp_path}/s") as server:
        assert server.address == f"unix:{tmp_path}/s"
        assert (tmp_path / "s").is_socket()
    assert not (tmp_path / "s").exists()


def test_what_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serve(application) as server, pytest.raises(HTTPError, match="500"):
        urlopen(server.url + "/fail")
    assert "as it was told" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


def test_an_answer_under_way_is_finished() -> None:
    called, gate = threading.Event(), threading.Event()

    def waiting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        called.set()
        assert gate.wait(10)
        return [b"finished"]

    with serve(waiting) as server:
        client = HTTPConnection(server.address)
        client.request("GET", "/")
        assert called.wait(10)
        threading.Timer(0.1, gate.set).start()
    assert client.getresponse().read() == b"finished"


def test_what_the_server_fails_with_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Serial) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Serial, "run", broken)
    with pytest.raises(RuntimeError, match="broken"), serve(application, worker_class="serial"):
        pass


def test_a_request_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "PATIENCE", 0.1)
    called, gate = threading.Event(), threading.Event()

    def hanging(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        called.set()
        gate.wait(10)
        start_response("200 OK", [])
        return []

    with pytest.raises(TimeoutError, match="did not end"), serve(hanging) as server:
        client = HTTPConnection(server.address)
        client.request("GET", "/")
        assert called.wait(10)
    gate.set()


def test_nothing_is_left_behind() -> None:
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/dev/fd"))

    before = descriptors()
    for _ in range(5):
        with serve(application) as server, urlopen(server.url):
            pass
    until(lambda: descriptors() <= before, "its threads have ended and their clocks are closed")
    assert "paceline" not in {thread.name for thread in threading.enumerate()}
