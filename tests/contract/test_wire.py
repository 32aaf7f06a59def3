"""Every case over real sockets: whole, piece by piece, and with another request behind it."""

import json
from dataclasses import replace

import pytest

from tests.contract.case import CASES, Case, Expected
from tests.contract.conftest import COMBINATIONS, MODELS, Server
from tests.contract.wire import Answer, Connection

FOLLOWER = b"GET /follower HTTP/1.1\r\nHost: follower\r\nConnection: close\r\n\r\n"
FOLLOWED = Expected(200, closes=True, environ={"PATH_INFO": "/follower", "HTTP_HOST": "follower"})

MOST_PIECES = 5000  # of the few cases that are longer, each piece has a few bytes

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
# Which of two workers takes a connection changes nothing of how it is understood.
some_cases = pytest.mark.parametrize("case", CASES[::10], ids=lambda case: case.name)
REPEATED = [replace(c, workers=2) for c in COMBINATIONS if c.workers == 1]

of_one_of_a_kind, of_the_others = (
    pytest.mark.parametrize(
        "server", [c for c in COMBINATIONS if (c in REPEATED) == others], indirect=True, ids=str
    )
    for others in (False, True)
)


def over(transport: str, *, model: str = "", but: str = "") -> pytest.MarkDecorator:
    """Run on one server of a model, or of each but one, where the others show nothing new."""
    chosen = [c for c in COMBINATIONS if (c.transport, c.workers) == (transport, 1)]
    assert len(chosen) == len(MODELS)
    chosen = [c for c in chosen if c.model != but and model in ("", c.model)]
    return pytest.mark.parametrize("server", chosen, indirect=True, ids=str)


def check(answer: Answer, expected: Expected) -> None:
    assert answer.status == expected.status, answer
    assert answer.closes == expected.closes, answer
    assert "date" in answer.fields  # RFC 9110, 6.6.1
    assert expected.fields.items() <= answer.fields.items()
    if answer.status != 200:
        assert b"Traceback" not in answer.body
        assert answer.interim == ()  # nobody is asked for the body of a request that is refused
    elif not expected.bodiless:
        echo = json.loads(answer.body)
        environ = {name: echo["environ"].get(name) for name in expected.environ}
        assert environ == expected.environ
        assert not set(expected.absent) & set(echo["environ"])
        assert expected.body is None or echo["body"] == expected.body


def check_answers(connection: Connection, case: Case) -> None:
    for expected in case.answers:
        check(connection.read_answer(expected.bodiless), expected)


def check_end(connection: Connection) -> None:
    assert connection.read_rest() == b"", "more than what was asked for"
    # A reset can take away what was sent before it (RFC 9112, 9.6).
    assert not connection.was_reset


@of_one_of_a_kind
@every_case
def test_whole(server: Server, case: Case) -> None:
    converse(server, case)


@of_the_others
@some_cases
def test_whole_with_several_workers(server: Server, case: Case) -> None:
    converse(server, case)


def converse(server: Server, case: Case) -> None:
    case = server.adapt(case)
    with Connection(server.address) as connection:
        connection.send(case.request)
        if case.ends:
            connection.shutdown()
        check_answers(connection, case)
        if case.stays_open:
            connection.send(FOLLOWER)
            check(connection.read_answer(), FOLLOWED)
        check_end(connection)


@over("unix", model="adaptive")
@every_case
def test_piece_by_piece(server: Server, case: Case) -> None:
    send_in_pieces(server, case)


# Pieces are put together in the same way in each model; how these wait for them is not the same.
@over("unix", but="adaptive")
@some_cases
def test_piece_by_piece_in_other_models(server: Server, case: Case) -> None:
    send_in_pieces(server, case)


def send_in_pieces(server: Server, case: Case) -> None:
    case = server.adapt(case)
    with Connection(server.address) as connection:
        connection.send_in_pieces(case.request, 1 + len(case.request) // MOST_PIECES)
        if case.ends:
            connection.shutdown()
        check_answers(connection, case)
        if case.stays_open:
            connection.send_in_pieces(FOLLOWER, 1)
            check(connection.read_answer(), FOLLOWED)
        check_end(connection)


@over("tcp", model="adaptive")
@pytest.mark.parametrize("case", [c for c in CASES if not c.ends], ids=lambda case: case.name)
def test_with_a_request_behind_it(server: Server, case: Case) -> None:
    """The one behind is answered after a good request, and never after a bad one."""
    send_with_follower(server, case)


@over("tcp", but="adaptive")
@pytest.mark.parametrize("case", [c for c in CASES[::10] if not c.ends], ids=lambda case: case.name)
def test_with_a_request_behind_it_in_other_models(server: Server, case: Case) -> None:
    send_with_follower(server, case)


def send_with_follower(server: Server, case: Case) -> None:
    case = server.adapt(case)
    with Connection(server.address) as connection:
        connection.send(case.request + FOLLOWER)
        check_answers(connection, case)
        if case.stays_open:
            check(connection.read_answer(), FOLLOWED)
        check_end(connection)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_it_is_about(case: Case) -> None:
    assert case.why
    assert case.answers or case.ends
    assert not any(answer.closes for answer in case.answers[:-1]), "closed before the last answer"
