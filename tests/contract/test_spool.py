"""Every case as a file: what a spool directory carries is a whole request and a whole answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from paceline.transport import spool

from tests.contract.case import CASES, Case
from tests.contract.conftest import Combination, Server
from tests.contract.test_wire import check
from tests.contract.wire import Connection


class Said:
    """A link on which nothing but these bytes comes."""

    def __init__(self, data: bytes) -> None:
        self._parts = [b"", data] if data else [b""]
        self.receive = self._parts.pop

    def send(self, data: bytes) -> None:
        """Nobody listens."""

    end = close = abort = lambda self: None


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a server that is asked by files."""
    place = tmp_path_factory.mktemp("s")
    server = Server(Combination("pool", "spool", 2), place, "apps:echo")
    try:
        server.wait()
        yield place
    finally:
        server.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file(directory: Path, case: Case) -> None:
    answer = spool.ask(directory, case.request, patience=20)
    with Connection(lambda: Said(answer)) as connection:
        for expected in case.answers:
            check(connection.read_answer(expected.bodiless), expected)
        assert connection.read_rest() == b""
