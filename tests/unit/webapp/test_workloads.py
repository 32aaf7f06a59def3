"""Workloads do what they say, as much as asked, within their bounds."""

import threading
import time

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guestbook.models import Entry
from workload.parameters import BadParameterError, Whole
from workload.registry import Workload, workloads
from workload.views import burn

BOUNDS = [
    pytest.param(w, name, bound, id=f"{w.name}-{name}")
    for w in workloads
    for name, bound in w.parameters.items()
]


def test_every_workload_is_here() -> None:
    names = ["io", "cpu", "mixed", "db", "stream", "bytes", "json", "error"]
    assert [workload.name for workload in workloads] == names


@pytest.mark.parametrize(
    "value", ["", "x", "1.5", "-1", "+1", " 1", "1_0", "1e3", "0x1", "٣", "1\n"]
)
@pytest.mark.parametrize(("workload", "name", "bound"), BOUNDS)
def test_a_value_that_is_no_number(
    client: Client, workload: Workload, name: str, bound: Whole, value: str
) -> None:
    answer = client.get(f"/workload/{workload.name}/", {name: value})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "text/plain"
    expected = f"{name} must be a whole number from 0 to {bound.high}, not {value!r}\n"
    assert answer.content.decode() == expected


@pytest.mark.parametrize("past", ["by one", "by far"])
@pytest.mark.parametrize(("workload", "name", "bound"), BOUNDS)
def test_a_value_past_its_bound(
    client: Client, workload: Workload, name: str, bound: Whole, past: str
) -> None:
    value = str(bound.high + 1) if past == "by one" else "9" * 5000  # more than int() takes
    answer = client.get(f"/workload/{workload.name}/", {name: value})
    assert answer.status_code == 400
    assert f"from 0 to {bound.high}" in answer.content.decode()
    assert len(answer.content) < 200


def test_the_bounds_themselves_are_within() -> None:
    bound = Whole(default=7, high=10, meaning="")
    assert [bound.read(QueryDict(q), "n") for q in ("n=0", "n=10", "", "n=007")] == [0, 10, 7, 7]
    with pytest.raises(BadParameterError):
        bound.read(QueryDict("n=11"), "n")


@pytest.mark.parametrize("workload", workloads, ids=lambda workload: workload.name)
def test_reading_alone(visitor: Client, workload: Workload) -> None:
    answer = visitor.post(f"/workload/{workload.name}/")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"


def test_io_waits_and_uses_no_cpu(client: Client) -> None:
    wall, cpu = time.perf_counter(), time.thread_time()
    told = client.get("/workload/io/?ms=200").json()
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    assert wall >= 0.2
    assert cpu < 0.1
    assert told["wall_ms"] >= 200
    assert told["cpu_ms"] < 20


def test_cpu_uses_cpu(client: Client) -> None:
    before = time.thread_time()
    told = client.get("/workload/cpu/?ms=200").json()
    used = time.thread_time() - before
    assert 0.2 <= used < 0.3
    assert 200 <= told["cpu_ms"] < 220


def test_cpu_is_counted_by_thread() -> None:
    """Two at once hold each other up, and each does all of its work nevertheless."""
    used: list[float] = []

    def work() -> None:
        before = time.thread_time()
        burn(100)
        used.append(time.thread_time() - before)

    threads = [threading.Thread(target=work) for _ in range(2)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(0.1 <= seconds < 0.15 for seconds in used)
    assert time.perf_counter() - started >= 0.1


def test_mixed_does_both(client: Client) -> None:
    before = time.thread_time()
    told = client.get("/workload/mixed/?cpu_ms=50&io_ms=150").json()
    assert 0.05 <= time.thread_time() - before < 0.15
    assert told["wall_ms"] >= 200
    assert 50 <= told["cpu_ms"] < 70


@pytest.mark.parametrize("queries", [0, 1, 7])
def test_db_makes_queries(client: Client, many_entries: list[Entry], queries: int) -> None:
    with CaptureQueriesContext(connection) as made:
        assert client.get(f"/workload/db/?queries={queries}").status_code == 200
    assert len(made) == queries
    assert all("guestbook_entry" in query["sql"] for query in made.captured_queries)


def test_stream_sends_pieces(client: Client) -> None:
    answer = client.get("/workload/stream/?chunks=3&size=500&ms=50")
    assert answer.streaming
    assert "Content-Length" not in answer
    arrivals = []
    for piece in answer.streaming_content:
        assert len(piece) == 500
        arrivals.append(time.perf_counter())
    assert len(arrivals) == 3
    assert arrivals[2] - arrivals[0] >= 0.1


def test_stream_lasts_a_minute_at_most(client: Client) -> None:
    assert client.get("/workload/stream/?chunks=60&ms=1000").status_code == 200
    answer = client.get("/workload/stream/?chunks=61&ms=1000")
    assert answer.status_code == 400
    assert answer.content == b"chunks times ms must be at most 60000, not 61000\n"


@pytest.mark.parametrize("n", [0, 1, 100_000])
def test_bytes_sends_as_many(client: Client, n: int) -> None:
    answer = client.get(f"/workload/bytes/?n={n}")
    assert len(answer.content) == n
    assert answer["Content-Length"] == str(n)
    assert client.head(f"/workload/bytes/?n={n}")["Content-Length"] == str(n)


def test_json(client: Client) -> None:
    assert client.get("/workload/json/").json()["message"] == "Hello, world"


def test_healthz(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_the_page_lists_them_with_their_bounds(client: Client, ada: User) -> None:
    page = client.get("/workload/").content.decode()
    for workload, name, bound in (case.values for case in BOUNDS):
        assert f"/workload/{workload.name}/" in page
        assert f"<code>{name}</code>" in page
        assert f"{bound.meaning}: 0 to {bound.high}, default {bound.default}" in page
