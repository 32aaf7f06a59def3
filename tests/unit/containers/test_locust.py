"""Locust's image: a master, a worker, and users for the workloads of the table."""

import json
import re
from collections.abc import Callable

import pytest

from lab.bench.workloads import DJANGO, WORKLOADS
from lab.stack.layout import REPO

from .conftest import HARDENED, docker, poll

pytestmark = pytest.mark.timeout(600)  # the first build fetches packages

SITE = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b'{"message": "Hello, world"}' if self.headers["Host"] == "it" else b"no"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def image(build: Callable[..., str]) -> str:
    return build("--file", REPO / "lab" / "locust" / "Dockerfile", REPO)


def test_every_workload_of_the_application_has_its_users(image: str):
    said = docker("run", "--rm", "--network", "none", *HARDENED, "--tmpfs=/tmp", image, "--list")
    asked = [w for w in WORKLOADS.values() if w.application == DJANGO and not w.slow]
    kinds = {workload.name.title().replace("-", "") for workload in asked}
    assert set(re.findall(r"^ {4}(\w+)$", said, re.MULTILINE)) == kinds


def test_a_master_and_a_worker_ask_and_look_at_the_answers(place: str, image: str):
    run = ("run", "--network", place, *HARDENED, "--tmpfs=/tmp", "--env", "HOST_FIELD=it")
    site, master, worker = (f"{place}-{name}" for name in ("site", "master", "worker"))
    docker(*run, "--detach", "--name", site, "--entrypoint", "python", image, "-c", SITE)
    words = ["--host", f"http://{site}:8000", "--users", "4", "--spawn-rate", "4"]
    words += ["--run-time", "3s", "--headless", "--expect-workers", "1", "--json"]
    kinds = ["DjangoJson", "DjangoPage"]
    docker(*run, "--detach", "--name", master, image, "--master", *words, *kinds)
    docker(*run, "--detach", "--name", worker, image, "--worker", "--master-host", master, *kinds)
    state = ("inspect", "--format", "{{.State.Status}}", master)
    assert poll(lambda: docker(*state) == "exited", limit=90), docker("logs", master)
    said = docker("logs", master)
    rows, _ = json.JSONDecoder().raw_decode(said[said.index("[\n") :])
    found = {row["name"]: row for row in rows}
    assert found["django-json"]["num_requests"] > 0
    assert found["django-json"]["num_failures"] == 0
    # It is no page that comes: each is a failure.
    assert found["django-page"]["num_failures"] == found["django-page"]["num_requests"] > 0
