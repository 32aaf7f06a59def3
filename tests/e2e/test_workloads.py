"""The workloads that the lab measures, on every application that has them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.stacks import on_all
from tests.e2e.visitor import Visitor

pytestmark = on_all


@pytest.mark.parametrize(
    ("path", "wall", "cpu"),
    [
        ("io/?ms=40", 40, 0),
        ("cpu/?ms=20", 20, 20),
        ("mixed/?cpu_ms=10&io_ms=30", 40, 10),
        ("db/?queries=3", 0, 0),
    ],
)
def test_work_takes_what_it_says(visitor: Visitor, path: str, wall: int, cpu: int):
    answer = visitor.get(f"/workload/{path}")

    assert answer.status_code == 200
    assert answer.json()["wall_ms"] >= wall
    assert answer.json()["cpu_ms"] >= cpu


def test_json(visitor: Visitor):
    answer = visitor.get("/workload/json/")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"message": "Hello, world", "numbers": [1, 2, 3]}


def test_eight_who_wait_do_not_wait_for_each_other(visitor: Visitor):
    def wait(_: int) -> int:
        return Visitor(visitor.origin).get("/workload/io/?ms=400").status_code

    begin = time.monotonic()
    with ThreadPoolExecutor(8) as crowd:
        assert set(crowd.map(wait, range(8))) == {200}
    assert time.monotonic() - begin < 2.2  # 3.2 s one after the other


def test_the_first_piece_of_a_stream_arrives_before_the_last_is_made(visitor: Visitor):
    # Far less than one of nginx's buffers, so that it would keep all of it to the end.
    answer = visitor.get("/workload/stream/?chunks=5&size=100&ms=100", stream=True)
    # A chunk is what nginx had when it sent it.
    chunks = list(answer.raw.read_chunked())

    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert sum(map(len, chunks)) == 5 * 100
    assert len(chunks[0]) < 5 * 100
    assert "X-Accel-Buffering" not in answer.headers  # said to nginx
