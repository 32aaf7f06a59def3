"""A worker's threads beside those that answer: the collector's, the reader of nginx's lines."""

import gc
import os
import socket

from lab.console.collector import collector
from lab.console.environment import Environment
from lab.console.nginx_log import BadLine, masked, spans_of
from lab.console.nginx_socket import Reader
from lab.console.runner import RUNNER

BEHIND = 5
"""How much less urgent a worker is than what it is told of, and than the supervisor's thread that
takes nginx's lines: on one core they would else take turns, and some lines were lost by that."""

readers: list[Reader] = []


def start(lines: socket.socket) -> None:
    """Once in each worker."""
    if Environment.read().bench:
        RUNNER.start()  # while this thread is as urgent as others
    os.nice(BEHIND)
    # What was loaded stays; the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    collector().start()
    readers.append(Reader(lines, take))
    readers[-1].start()


def stop() -> None:
    """Writes what is left, and ends the bench."""
    RUNNER.stop()
    for reader in readers:
        reader.stop()
    if readers:
        collector().close()
    readers.clear()
    RUNNER.close()


def take(line: bytes) -> None:
    """A line of nginx's log; one that cannot be read is counted."""
    line = masked(line)
    try:
        spans = spans_of(line)
    except BadLine:
        collector().rejected += 1
        return
    if spans:
        collector().take(spans, line if line.startswith(b"<") else None)
