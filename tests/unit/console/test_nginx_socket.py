"""nginx's lines through the real socket: many at once, while others ask, and at a reload."""

import os
import socket
import threading

from lab.console.nginx_socket import Reader
from tests.unit.console.running import Console, eventually_equal
from tests.unit.console.test_nginx_log import LINE, line


def ids(count: int) -> list[str]:
    return [os.urandom(16).hex() for _ in range(count)]


def missing(console: Console, trace_ids: list[str]) -> int:
    return sum(not console.spans(trace_id) for trace_id in trace_ids)


def test_a_line_becomes_a_trace(console: Console):
    (trace_id,) = ids(1)
    console.log(line(trace_id=trace_id))
    eventually_equal(lambda: len(console.spans(trace_id)), 5)
    assert LINE["span_id"] in {span["spanId"] for span in console.spans(trace_id)}


def test_no_secret_of_a_query_is_kept(console: Console):
    (trace_id,) = ids(1)
    console.log(line(trace_id=trace_id, uri="/reset/?token=se-cret"))
    eventually_equal(lambda: len(console.spans(trace_id)), 5)
    assert "token=***" in str(console.spans(trace_id))
    assert "se-cret" not in str(console.spans(trace_id))


def test_what_nobody_wanted_recorded_is_not_kept(console: Console):
    unsampled, sampled = ids(2)
    console.log(line(trace_id=unsampled, flags="02"))
    console.log(line(trace_id=sampled))
    eventually_equal(lambda: len(console.spans(sampled)), 5)
    assert console.spans(unsampled) == []


def test_a_line_that_is_none_is_counted_and_harms_nobody(console: Console):
    before = console.counts()["rejected"]
    for broken in (b"\x00" * 60_000, b"<190>: {}", b"", line(msec="x")):
        console.log(broken)
    eventually_equal(lambda: console.counts()["rejected"], before + 4)


def test_a_reader_outlives_what_it_cannot_take():
    taken: list[bytes] = []

    def take(line: bytes) -> None:
        taken.append(line)
        raise KeyError(line)

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        reader = Reader(ours, take)
        reader.start()
        theirs.send(b"one")
        theirs.send(b"two")
        eventually_equal(lambda: taken, [b"one", b"two"])
        reader.stop()


def test_many_lines_while_others_ask(console: Console):
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            console.get("/healthz")

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    trace_ids = ids(300)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nginx:
        nginx.connect(str(console.telemetry / "nginx.sock"))
        for trace_id in trace_ids:
            nginx.send(line(trace_id=trace_id))
    stop.set()
    for thread in asking:
        thread.join()
    eventually_equal(lambda: missing(console, trace_ids), 0)


def test_a_reload_loses_none(console: Console):
    trace_ids = ids(400)
    finished = threading.Event()

    def send() -> None:
        for trace_id in trace_ids:
            console.log(line(trace_id=trace_id))
            finished.wait(0.005)  # so that they come before, while and after

    sending = threading.Thread(target=send)
    sending.start()
    console.reload()
    console.reload()
    sending.join()
    eventually_equal(lambda: missing(console, trace_ids), 0)
