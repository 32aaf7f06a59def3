"""Applications that are broken: each fault has its answer, one entry in the log, and no victim."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.behaviour import faults
from tests.contract.behaviour.client import Client, Cut, get
from tests.contract.behaviour.faults import FAULTS, FORKS, Fault
from tests.contract.behaviour.serving import (
    OF_EACH_MODEL,
    Combination,
    Serving,
    eventually,
    serving,
)

ENTRY = re.compile(r"^\[\d{4}-.*?(?=^\[\d{4}-|\Z)", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", params=OF_EACH_MODEL, ids=str)
def broken(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    with serving(request.param, tmp_path_factory.mktemp("s")) as server:
        yield server


def entries(server: Serving, before: str) -> list[str]:
    """What was logged since, each with its traceback."""
    return ENTRY.findall(server.log.removeprefix(before))


def named(fault: Fault, server: Serving) -> Fault:
    token = server.token()
    return replace(
        fault,
        target=fault.target.replace("TOKEN", token),
        says=fault.says.replace("TOKEN", token),
    )


def check_answer(client: Client, fault: Fault) -> None:
    if fault.gets == faults.CUT:
        with pytest.raises((Cut, ConnectionResetError)):
            client.answer()
        return
    answer = client.answer()
    if fault.gets == faults.FAILS:
        assert (answer.status, answer.closes) == (500, True)
        assert b"Traceback" not in answer.body
    else:
        assert (answer.status, answer.body) == (200, fault.body)
    if fault.gets != faults.PARENTS:
        assert client.was_closed()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_has_its_answer_and_is_logged_once(broken: Serving, fault: Fault) -> None:
    fault = named(fault, broken)
    workers, before = broken.workers, broken.log
    with broken.connect() as client:
        client.send(get(fault.target) + get("/never"))
        check_answer(client, fault)
    with broken.connect() as client:
        assert client.get("/raw/hello").body == b"hello"
    assert broken.workers == workers, "the worker lives on"
    (entry,) = entries(broken, before)
    assert f"[ERROR] GET {fault.target} HTTP/1.1: " in entry
    assert entry.count("Traceback (most recent call last)") == 1 or "Group" in entry
    assert fault.says in entry


@pytest.mark.parametrize("fault", FORKS, ids=str)
def test_a_forked_process_is_none_of_the_servers(broken: Serving, fault: Fault) -> None:
    fault = named(fault, broken)
    workers, before = broken.workers, broken.log
    with broken.connect() as client:
        client.send(get(fault.target))
        check_answer(client, fault)
        if broken.keeps_connections:
            assert client.get("/raw/hello").body == b"hello", "nothing of the child is on the way"
    with broken.connect() as client:
        assert client.get("/raw/hello").body == b"hello"
    assert broken.workers == workers
    logged = entries(broken, before)
    assert [fault.says in entry for entry in logged] == [True] * bool(fault.says)
    assert all("[ERROR]" in entry for entry in logged)


def test_a_forked_process_that_lives_on_holds_no_address_and_no_client(tmp_path: Path) -> None:
    """The next server can have it, and whoever stops the child does not stop the worker."""
    with ExitStack() as clients:
        with serving(Combination("adaptive"), tmp_path) as server:
            token = server.token()
            client = clients.enter_context(server.connect())
            child = int(client.get(f"/raw/daemon?token={token}").body)
            server.await_event(f"waiting {token}")
            bound = "{}:{}".format(*server.tcp)
        try:
            assert client.was_closed()
            assert _runs(child)
            with serving(Combination("adaptive"), tmp_path, binds=[bound]) as after:
                with after.connect() as client:
                    assert client.get("/raw/hello").body == b"hello"
        finally:
            (tmp_path / token).touch()
            eventually(lambda: not _runs(child), "the end of the child")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # where nobody reaps orphans
