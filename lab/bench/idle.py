"""What connections cost that are kept and say nothing: memory, and the time of who does ask.

Memory is that of the server's processes; the kernel's own for each socket is the same for all.
"""

import resource
import select
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from lab.bench.load import WARM_UP, Figures, drive
from lab.bench.process_tree import memory
from lab.bench.running import Started
from lab.bench.void import VoidError
from lab.serve import parse_bind

REQUESTS = 2_000
"""Requests, one after the other, whose median is the latency."""

FILES_BESIDE = 500
"""Descriptors that a server or the bench may need beside the connections."""

ANSWER_WITHIN = 5.0
"""Seconds."""


class Client:
    """A connection that asks for one path and knows the body it must get."""

    def __init__(self, bind: str, path: str, body: bytes) -> None:
        _, address = parse_bind(bind)
        self._socket = socket.create_connection(
            (address["host"], int(address["port"])), ANSWER_WITHIN
        )
        self._request = f"GET {path} HTTP/1.1\r\nHost: {bind}\r\n\r\n".encode()
        self._body = body

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def fileno(self) -> int:
        """For select.poll."""
        return self._socket.fileno()

    def ask(self) -> None:
        """Sends one request and reads its answer to the end.  Raises VoidError."""
        answer = b""
        try:
            self._socket.sendall(self._request)
            while not answer.endswith(self._body):
                received = self._socket.recv(65_536)
                if not received:
                    raise VoidError("a connection was closed before its answer was whole")
                answer += received
        except OSError as error:
            raise VoidError(f"a kept connection got no answer: {error}") from None
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise VoidError(f"a kept connection was answered {answer[:40]!r}")


def measure(server: Started, warm_up: Sequence[str]) -> Figures:
    """Asks alone, opens the idle connections, asks beside them.  Raises VoidError."""
    workload = server.workload
    body = server.check()
    drive(server, warm_up, WARM_UP)
    began = server.processes()
    with closing(Client(server.bind, workload.path, body)) as client, ExitStack() as held:
        latency(client)
        alone = latency(client)
        before = memory(server.pid)
        idle = [
            held.enter_context(closing(opened(server.bind, workload.path, body, number)))
            for number in range(workload.idle)
        ]
        after = memory(server.pid)
        beside = latency(client)
        require_open(idle)
        server.require_same(began)
    figures = {
        "rss_kib_each": (after.rss - before.rss) / workload.idle,
        "alone_us": alone,
        "beside_us": beside,
        "slowdown": beside / alone,
    }
    if before.pss is not None and after.pss is not None:
        figures["pss_kib_each"] = (after.pss - before.pss) / workload.idle
    return figures


def latency(client: Client) -> float:
    """The median time of one request, in microseconds."""
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter_ns()
        client.ask()
        times.append(time.perf_counter_ns() - began)
    return statistics.median(times) / 1000


def opened(bind: str, path: str, body: bytes, number: int) -> Client:
    """A connection that has been used once.  Raises VoidError."""
    try:
        client = Client(bind, path, body)
    except OSError as error:
        raise VoidError(f"connection {number + 1} could not be opened: {error}") from None
    try:
        client.ask()
    except VoidError as error:
        client.close()
        raise VoidError(f"connection {number + 1}: {error}") from None
    return client


def require_open(idle: Sequence[Client]) -> None:
    """Raises VoidError where the server has closed connections that it was to keep."""
    poller = select.poll()
    for client in idle:
        poller.register(client, select.POLLIN | select.POLLHUP)
    closed = len(poller.poll(0))
    if closed:
        raise VoidError(f"the server closed {closed} of {len(idle)} idle connections")


@contextmanager
def files_for(connections: int) -> Iterator[None]:
    """Raises the limit on open files for us and for what we start.  Raises VoidError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + FILES_BESIDE
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise VoidError(f"it needs {needed} open files and the limit is {hard} (ulimit -Hn)")
    unlimited = soft == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if unlimited else max(soft, needed), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
