"""POST /v1/recordings: what the lab's hooks inside a server send."""

import os

import pytest
import requests

from lab.tracing.packing import CONTENT_TYPE, PATH, batch, pack
from lab.tracing.recording import Recording
from tests.unit.console.running import JSON, Console, eventually_equal


def post(console: Console, body: bytes, content_type: str = CONTENT_TYPE) -> requests.Response:
    headers = {"Content-Type": content_type}
    return requests.post(console.url + PATH, data=body, headers=headers, timeout=20)


def recorded() -> Recording:
    one = Recording(os.urandom(16).hex())
    one.environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    one.end(one.begin("WSGI test"))
    return one


def test_recordings_become_spans(console: Console):
    one, other = recorded(), recorded()
    body = batch(map(pack, (one, other)), {"application": "django", "pid": 1})
    answer = post(console, body)
    assert (answer.status_code, answer.json()) == (200, {})
    for trace_id in (one.trace_id, other.trace_id):
        eventually_equal(
            lambda trace_id=trace_id: sorted(span["name"] for span in console.spans(trace_id)),
            ["GET /", "WSGI test", "application"],
        )


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", CONTENT_TYPE, 400),
        (b"\xff", CONTENT_TYPE, 400),
        (b"[" * 100_000, CONTENT_TYPE, 400),
        (b"{}", JSON, 415),
        (b"{}", "text/plain", 415),
    ],
)
def test_anything_else_is_refused(console: Console, body: bytes, content_type: str, status: int):
    answer = post(console, body, content_type)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_it_is_no_page(console: Console):
    answer = console.get(PATH)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
