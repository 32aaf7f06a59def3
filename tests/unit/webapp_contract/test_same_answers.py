"""The tiny application answers as the Django application does, on every path that both have."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WEBAPP = Path(__file__).resolve().parents[3] / "webapp"
APPLICATIONS = {"django": "config.wsgi", "tiny": "tiny.app"}

# Each number's bound, written down a second time: a change on one side alone fails here.
BOUNDS = {
    "io": {"ms": 10_000},
    "cpu": {"ms": 5_000},
    "mixed": {"cpu_ms": 5_000, "io_ms": 10_000},
    "db": {"queries": 200},
    "stream": {"chunks": 1_000, "size": 65_536, "ms": 10_000},
    "bytes": {"n": 16_777_216},
}
NOT_NUMBERS = ["", "-1", "+1", "1.5", "1_0", "%201", "0x1", "%D9%A3", "%FF", "'", "9" * 5000]

FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
SECRETS = {"HTTP_COOKIE": "session=secret", "HTTP_AUTHORIZATION": "Basic c2VjcmV0"}

# method, target, body, more environ
REQUESTS = [
    ("GET", "/healthz", "", {}),
    ("HEAD", "/healthz", "", {}),
    ("GET", "/workload/", "", {}),
    ("GET", "/workload/nowhere/", "", {}),
    ("GET", "/workload/io/?ms=1", "", {}),
    ("HEAD", "/workload/io/?ms=1", "", {}),
    ("GET", "/workload/io/?ms=0001", "", {}),
    ("GET", "/workload/io/?ms=9999999&ms=1", "", {}),
    ("GET", "/workload/cpu/?ms=1", "", {}),
    ("GET", "/workload/mixed/?cpu_ms=1&io_ms=1", "", {}),
    ("GET", "/workload/db/?queries=1", "", {}),
    ("GET", "/workload/db/?queries=200", "", {}),
    ("GET", "/workload/stream/?chunks=3&size=5&ms=1", "", {}),
    ("HEAD", "/workload/stream/?chunks=3&size=5&ms=1", "", {}),
    ("GET", "/workload/stream/?chunks=1000&size=1&ms=61", "", {}),
    ("GET", "/workload/bytes/?n=0", "", {}),
    ("GET", "/workload/bytes/?n=100", "", {}),
    ("GET", "/workload/json/", "", {}),
    ("HEAD", "/workload/json/", "", {}),
    ("POST", "/workload/json/", "a=1", FORM),
    ("GET", "/workload/error/", "", {}),
    ("GET", "/inspect/", "", {}),
    ("HEAD", "/inspect/", "", {}),
    ("GET", "/inspect/?a=1&b=%C3%BC&a=2&c", "", SECRETS),
    ("POST", "/inspect/", "a=1&b=ü", FORM),
    ("PUT", "/inspect/", "x" * 100_000, {"CONTENT_TYPE": "text/plain"}),
    ("PATCH", "/inspect/", "{}", {"CONTENT_TYPE": "application/json"}),
    ("DELETE", "/inspect/", "", {"HTTP_X_REQUEST_ID": "7"}),
    ("OPTIONS", "/inspect/", "", {}),
    ("POST", "/inspect/", "chunked", {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}),
    *(
        ("GET", f"/workload/{name}/?{key}={high + 1}", "", {})
        for name, bounds in BOUNDS.items()
        for key, high in bounds.items()
    ),
    *(("GET", f"/workload/io/?ms={text}", "", {}) for text in NOT_NUMBERS),
]


def run(arguments, environ, text=""):
    done = subprocess.run(
        [sys.executable, *arguments],
        input=text,
        capture_output=True,
        text=True,
        cwd=WEBAPP,
        env=environ,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What each application said to all of REQUESTS."""
    kept = tmp_path_factory.mktemp("kept")
    environ = {"DATA_DIR": str(kept / "data"), "STATIC_ROOT": str(kept / "static")}
    environ |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run(["manage.py", "prepare"], environ)
    ask = str(Path(__file__).with_name("ask.py"))
    return {
        name: json.loads(run([ask, module], environ, json.dumps(REQUESTS)))
        for name, module in APPLICATIONS.items()
    }


def shape(value):
    """The names and types in a JSON value, without what differs between two processes."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.mark.parametrize(
    "number", range(len(REQUESTS)), ids=[" ".join(r[:2])[:60] for r in REQUESTS]
)
def test_both_answer_alike(results, number):
    django, tiny = (results[name]["answers"][number] for name in APPLICATIONS)
    assert tiny["status"] == django["status"]
    assert tiny["buffering"] == django["buffering"]
    if django["type"] == "text/html":  # pages differ, and so does the kind of an error's page
        return
    assert tiny["type"] == django["type"]
    if django["type"] == "application/json":
        assert bool(tiny["body"]) == bool(django["body"])
        if django["body"]:
            assert shape(json.loads(tiny["body"])) == shape(json.loads(django["body"]))
    else:
        assert tiny["body"] == django["body"]


def test_the_requests_reach_what_they_are_about(results):
    """Two applications that fail in the same way agree as well, so look at one of them."""
    statuses = {
        " ".join(request[:2]): answer["status"]
        for request, answer in zip(REQUESTS, results["django"]["answers"], strict=True)
    }
    assert statuses["GET /workload/io/?ms=1"] == 200
    assert statuses["GET /workload/stream/?chunks=3&size=5&ms=1"] == 200
    assert statuses["GET /workload/io/?ms=10001"] == 400
    assert statuses["POST /workload/json/"] == 405
    assert statuses["GET /workload/error/"] == 500
    assert statuses["GET /workload/nowhere/"] == 404


def test_a_stream_alone_asks_the_proxy_not_to_hold_it_back(results):
    for request, answer in zip(REQUESTS, results["django"]["answers"], strict=True):
        streams = request[1].startswith("/workload/stream/") and answer["status"] == 200
        assert answer["buffering"] == ("no" if streams else None)


def test_inspect_says_the_same_of_the_same_request(results):
    for request, ours, theirs in zip(
        REQUESTS, results["tiny"]["answers"], results["django"]["answers"], strict=True
    ):
        if request[1].startswith("/inspect/") and request[0] != "HEAD":
            mine, other = json.loads(ours["body"]), json.loads(theirs["body"])
            del mine["worker"], other["worker"]
            assert mine == other
            assert "secret" not in ours["body"]


def test_both_offer_the_same_workloads_with_the_same_defaults(results):
    assert results["tiny"]["examples"] == results["django"]["examples"]
    named = {example.split("/")[2] for example in results["django"]["examples"]}
    assert named == {*BOUNDS, "json", "error"}


def test_the_tiny_application_needs_nothing_but_the_standard_library(results):
    ours = set(results["tiny"]["packages"]) - {"tiny", "__main__"}
    assert ours & {"django", "paceline", "lab", "workload", "config"} == set()
    assert "django" in results["django"]["packages"]
