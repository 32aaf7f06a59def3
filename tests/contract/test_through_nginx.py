"""nginx in front of paceline: what is one request to nginx is not two to paceline.

The corpus, and what a fuzzer makes of it, goes to an nginx that runs as in the stack.  What it
counted is in its log, what paceline behind it understood in paceline's.  The same octets are also
said to paceline alone: where it sees another end of a message, it would do so behind any proxy that
passes on what it got.

FUZZ_MUTATIONS says how many mutations, FUZZ_SEED which.
"""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from tests.contract.case import CASES
from tests.contract.conftest import Combination, Server
from tests.fuzz.differential import (
    FIRST,
    LAST,
    LOG_FORMAT,
    PATIENCE,
    Line,
    Request,
    Said,
    by_conversation,
    converse,
    disagreement,
    read_behind,
    read_counted,
    strangers,
)
from tests.fuzz.mutation import mutations
from tests.fuzz.understood import understand
from tests.services.stack import eventually, is_alive
from tests.unit.nginx.conftest import running

MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "400"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
AT_ONCE = 8  # conversations


@dataclass(frozen=True)
class Heard:
    """All that was said, the lines of nginx's log, and what paceline behind it understood."""

    conversations: list[Said]
    counted: list[Line]
    behind: list[tuple[str | None, Request]]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    folder = tmp_path_factory.mktemp("n")
    log = folder / "access.log"
    options = f"--access-logfile={log}", f"--access-logformat={LOG_FORMAT}"
    bent = islice(mutations(SEED), MUTATIONS)
    octets = [
        FIRST % number + data + LAST
        for number, data in enumerate([*(case.request for case in CASES), *bent])
    ]
    server = Server(Combination("adaptive", "tcp", 1), folder, "apps:echo", *options)
    try:
        server.wait()
        eventually(log.read_bytes, PATIENCE)
        log.write_bytes(b"")  # without the one that asked whether it answers
        bind = "{}:{}".format(*server.address)
        with running(folder / "nginx", bind, LAB_TRACE="off") as nginx:
            port = int(nginx.http.rpartition(":")[2])
            with ThreadPoolExecutor(AT_ONCE) as pool:
                said = list(pool.map(lambda each: converse(port, each), octets))
            quit_in_peace(folder / "nginx/run/nginx.pid")
        counted = read_counted(nginx.log)
    finally:
        server.stop()
    for number, lines in by_conversation(counted).items():
        said[number].lines = lines
    return Heard(said, counted, read_behind(log))


def quit_in_peace(pid_file: Path) -> None:
    """End nginx once it has logged all: with TERM it may leave out who was still to close."""
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGQUIT)
    eventually(lambda: not is_alive(pid), PATIENCE)


def test_nothing_reaches_paceline_that_nginx_did_not_send(heard: Heard) -> None:
    assert len(heard.behind) > len(heard.conversations)
    assert strangers(heard.counted, heard.behind) == []


def test_nginx_and_paceline_see_the_same_requests(heard: Heard) -> None:
    lengths = {each: request[2] for each, request in heard.behind if each is not None}
    differ = {
        said.octets: how
        for said in heard.conversations
        if (how := disagreement(said, understand([said.octets]), lengths))
    }
    assert differ == {}
