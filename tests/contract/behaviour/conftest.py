"""Servers for the tests of behaviour: one of each combination, shared by all that need no other."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.contract.behaviour.serving import COMBINATIONS, OF_EACH_MODEL, Serving, serving

TIGHT = (
    "--limit-request-line=200",
    "--limit-request-fields=10",
    "--limit-request-field-size=100",
    "--limit-request-body=1000",
    "--body-in-memory=100",
)


@pytest.fixture(scope="session", params=COMBINATIONS, ids=str)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """The server as it is by default."""
    # The name is short since a Unix socket's path may be 107 bytes at most.
    with serving(request.param, tmp_path_factory.mktemp("s")) as started:
        yield started


@pytest.fixture(scope="session", params=OF_EACH_MODEL, ids=str)
def tight_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """A server with low limits."""
    with serving(request.param, tmp_path_factory.mktemp("s"), *TIGHT) as started:
        yield started


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a short name, for a server of the test's own."""
    return tmp_path_factory.mktemp("s")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of a server's log beside a failure."""
    report = yield
    for started in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(started, Serving):
            report.sections.append((f"log of {started.combination}", started.log[-4000:]))
    return report
