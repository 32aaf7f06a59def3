"""What clients notice while the server's processes come and go."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from tests.e2e.load import Load
from tests.e2e.stacks import Site, on_guestbooks
from tests.e2e.visitor import Visitor
from tests.services.stack import eventually

pytestmark = [
    on_guestbooks,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def answered_by(visitor: Visitor) -> int:
    """The pid of the process that answers now."""
    return int(visitor.get("/inspect/").json()["worker"]["process"])


def reload_to_the_end(stack: Site) -> None:
    """Reloads the server and blocks until the processes before have ended."""
    before = stack.workers()
    stack.reload()
    eventually(lambda: not before & stack.workers())


def test_a_reload_under_load_fails_no_request(stack: Site):
    with Load(stack.http) as load:
        for _ in range(2):
            load.await_answers()
            reload_to_the_end(stack)
        load.await_answers()

    assert load.failures == []


def test_a_reload_lets_an_answer_under_way_come_to_its_end(stack: Site, visitor: Visitor):
    size = 20 * 65_536
    answer = visitor.get("/workload/stream/?chunks=20&size=65536&ms=70", stream=True)
    pieces = answer.iter_content(65_536)
    first = next(pieces)
    before = stack.workers()
    stack.reload()
    eventually(lambda: answered_by(visitor) not in before)

    assert len(first) + sum(map(len, pieces)) == size


def test_a_process_that_dies_at_work_is_a_502_and_is_replaced(
    stack: Site, new_visitor: Callable[[], Visitor]
):
    someone, watcher = new_visitor(), new_visitor()
    with ThreadPoolExecutor() as background:
        under_way = background.submit(someone.get, "/workload/io/?ms=10000")
        # nginx asks again where it had kept the connection open before, so the next one dies too.
        while not wait([under_way], 0.3).done:
            stack.kill_workers()
            eventually(lambda: watcher.get("/healthz").status_code == 200)
        answer = under_way.result()

    assert answer.status_code == 502
    assert "502: the proxy got no answer from the server" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
