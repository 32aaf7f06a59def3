"""What `make hostile` tells: a cell for each column, and how late the client itself was."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from lab.bench.hostile import HEADING, Felt, Visitor, table

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def test_every_column_has_its_cell() -> None:
    felt = Felt(2.0, 5.0, 1.5, 9.0, 3, 0.42, 0.7)
    *_, full = table({"resets": [felt]})
    *_, void = table({"resets": []})
    cells = [cell.strip() for cell in full.strip("|").split("|")]
    assert len(cells) == len(void.strip("|").split("|")) == len(HEADING)
    told = dict(zip(HEADING, cells, strict=True))
    assert told["p99 ÷ usual"] == "2.50 (2.50-2.50)"
    assert told["woken late, p99 ms"] == "1.5"


@pytest.fixture
def slow_server() -> Iterator[str]:
    """Answers each request on its own connection, after 15 ms."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(sock: socket.socket) -> None:
            with sock:
                while sock.recv(4096):
                    time.sleep(0.015)
                    sock.sendall(ANSWER)

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(sock,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_who_waits_for_the_server_was_not_woken_late(slow_server: str) -> None:
    """A pair takes 30 ms and one is due each 20: but for the first nobody sleeps."""
    visitor = Visitor(slow_server)
    took, _ = visitor.visit(0.2)
    visitor.close()
    assert len(took) > 2
    assert len(visitor.late) <= 1
