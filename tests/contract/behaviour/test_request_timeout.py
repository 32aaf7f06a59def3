"""`--slow-request` and `--request-timeout`: a limit for one request, also under threads."""

import re
from pathlib import Path

import pytest

from tests.contract.behaviour.client import get
from tests.contract.behaviour.serving import NOT_SERIAL, Combination, eventually, serving

SERVERS = pytest.mark.parametrize("combination", NOT_SERIAL, ids=str)


@SERVERS
def test_a_slow_one_is_logged_while_it_lasts(combination: Combination, place: Path) -> None:
    with serving(combination, place, "--slow-request=0.2") as server, server.connect() as client:
        token = server.token()
        client.send(get(f"/wait?token={token}"))
        eventually(lambda: "takes 0." in server.log, "a line in the log")
        server.open_gate(token)
        assert client.answer().body == b"waited"
        line = next(line for line in server.log.splitlines() if "takes 0." in line)
        assert f"'GET /wait?token={token} HTTP/1.1' takes 0." in line
        assert " s waiting; " in line and "s of CPU" in line
        assert re.search(r"\n  File .*, in wait_for_gate\n    ", server.log)  # where it was
        assert server.log.count("takes 0.") == 1
        assert client.get("/hello").body == b"hello"


@SERVERS
def test_one_past_the_limit_is_answered_503_and_its_process_replaced(
    combination: Combination, place: Path
) -> None:
    options = ("--request-timeout=0.3", "--graceful-timeout=1")
    with serving(combination, place, *options) as server:
        first = server.workers
        with server.connect() as other, server.connect() as client:
            waits = server.token()
            client.send(get(f"/wait?token={waits}"))
            answer = client.answer()
            assert answer.status == 503
            assert answer.body.endswith(b"The application took too long.\n")
            assert client.rest() == b""
            assert other.get("/hello").body == b"hello"  # nobody else is disturbed
            eventually(lambda: set(server.workers) - set(first), "another process")
            eventually(lambda: not set(server.workers) & set(first), "the end of the first")
        assert "is given up after 0.3" in server.log
        with server.connect() as client:
            assert client.get("/hello").body == b"hello"


@SERVERS
def test_what_has_begun_is_cut_off(combination: Combination, place: Path) -> None:
    options = ("--request-timeout=0.3", "--graceful-timeout=1")
    with serving(combination, place, *options) as server:
        with server.connect() as client, server.connect() as old:
            target = f"/yield_then_wait?token={server.token()}"
            client.send(get(target))
            old.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            rest = client.rest()
            assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"503" not in rest and not rest.endswith(b"0\r\n\r\n")  # it is not whole
            with pytest.raises(ConnectionResetError):  # to HTTP/1.0 an end would say that it is
                old.rest()


@SERVERS
def test_it_is_in_the_access_log_with_what_its_client_got(
    combination: Combination, place: Path
) -> None:
    access = place / "access.log"
    options = (
        *("--request-timeout=0.3", f"--access-logfile={access}"),
        "--access-logformat=%(U)s %(s)s %(B)s",
    )
    with serving(combination, place, *options) as server:
        with server.connect() as client, server.connect() as other:
            waits, begun = server.token(), server.token()
            client.send(get(f"/wait?token={waits}"))
            other.send(get(f"/yield_then_wait?token={begun}"))
            answer = client.answer()
            assert (answer.status, client.rest()) == (503, b"")
            other.rest()
            eventually(lambda: access.read_text().count("wait") == 2, "both in the log")
            for token in (waits, begun):
                server.open_gate(token)
        eventually(lambda: "is done" in server.log, "the end of their process")
    lines = access.read_text().splitlines()
    assert f"/wait 503 {len(answer.body)}" in lines
    assert [line.split()[1] for line in lines if "/yield_then_wait" in line] == ["200"]
    assert sum("wait" in line for line in lines) == 2, "none of them once more"
