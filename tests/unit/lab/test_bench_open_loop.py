"""The open loop against a server of the test's own: due times, waiting, its own schedule."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from lab.bench import latency
from lab.bench.open_loop import Answer, Job, histogram
from lab.bench.void import VoidError

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
CLOSES = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Server:
    """One thread that answers one connection after the other; ``pause`` before the first."""

    def __init__(self, answer: bytes = WHOLE, pause: float = 0) -> None:
        self.answer, self.pause = answer, pause
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.bind = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                while client.recv(1000):
                    time.sleep(self.pause)
                    self.pause = 0
                    client.sendall(self.answer)
                    if self.answer == CLOSES:
                        break
                client.close()


@pytest.fixture
def serve() -> type[Server]:
    return Server


def job(server: Server, rate: float = 100, seconds: float = 0.5) -> Job:
    return Job(server.bind, "GET / HTTP/1.1\r\nHost: it\r\n\r\n", 1, rate, seconds)


class TestAnswer:
    @pytest.mark.parametrize("answer", [WHOLE, CHUNKED, CLOSES])
    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_it_is_whole_at_its_last_byte_however_it_comes(self, answer: bytes, size: int):
        taken = Answer()
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        assert [taken.take(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert taken.closes is (answer == CLOSES)


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED, CLOSES])
def test_every_request_that_was_due_is_counted(serve: type[Server], answer: bytes):
    found = latency.run(job(serve(answer)))
    assert histogram(found.latency).get_total_count() == 50
    assert histogram(found.lag).get_total_count() == 50


def test_a_stop_is_charged_to_all_who_were_due_meanwhile(serve: type[Server]):
    found = histogram(latency.run(job(serve(pause=0.5))).latency)
    # The first waits 500 ms, and those due behind it each 10 ms less: half wait 250 ms or more.
    assert found.get_max_value() >= 499_000
    assert found.get_value_at_percentile(50) >= 200_000


def test_an_answer_other_than_200_is_a_reason(serve: type[Server]):
    with pytest.raises(VoidError, match="answered"):
        latency.run(job(serve(WHOLE.replace(b"200 OK", b"500 Oh"))))
