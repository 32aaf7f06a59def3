"""A conversation over scripted bytes: whatever comes, in any pieces, and however it is taken."""

import io
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.ending import READ, WRITE
from paceline.limits import Limits, Timeouts
from paceline.observe import Record
from paceline.wsgi.file_wrapper import FileWrapper
from paceline.wsgi.forwarding import Forwarding

from tests.unit.server import answers
from tests.unit.server.memory import Talk, byte_by_byte, connect

# wsgiref knows few methods; any token is one.
pytestmark = pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: u\r\n\r\n"
)
EXPECTING = b"POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BAD = b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"


@validator
def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Say what was asked; the body in parts, so that it comes in chunks."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    asked = [environ["REQUEST_METHOD"], environ["REQUEST_URI"], body.decode("latin-1")]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(asked).encode(), b" ", b"\n"]


def said(data: bytes) -> list[Any]:
    """What each answer says: what was asked, or the status it was refused with."""
    return [
        json.loads(answer.body) if answer.status == 200 else answer.status
        for answer in answers.read_all(data.replace(CONTINUE, b""))
    ]


def talk(*pieces: bytes, **options: Any) -> tuple[Talk, list[Any]]:
    """Say all pieces and end; return the talk and what the answers said."""
    made = connect(echo, **options)
    made.say(*pieces)
    made.end()
    return made, said(made.connection.sent)


class Lines:
    """An access log that keeps the request lines."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def write(self, record: Record) -> None:
        self.seen.append((record.request_line, record.status[:3]))


@pytest.mark.parametrize(
    ("refused", "line", "status"),
    [
        (b"GET /b HTTP/1.1\r\nHost : a\r\n\r\n", "GET /b HTTP/1.1", "400"),
        (b"GET /c HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "GET /c HTTP/1.1", "400"),
        (b"GET /d HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", "GET /d HTTP/1.1", "413"),
        (b"GET /e HTTP/1.1\r\nHost: a\r\nA_b: c\r\n\r\n", "GET /e HTTP/1.1", "400"),
        (b"GET /f\r\n", "GET /f", "400"),
    ],
)
def test_the_log_names_the_request_that_was_refused(refused: bytes, line: str, status: str) -> None:
    log = Lines()
    options = {"forwarding": Forwarding(header_map="refuse"), "limits": Limits(request_body=8)}
    talk(GET + refused, access_log=log, **options)
    assert log.seen == [("GET /a?b HTTP/1.1", "200"), (line, status)]


def test_what_one_does_to_an_empty_input_no_other_sees() -> None:
    def reckless(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        body.write(b"for somebody else")
        body.seek(0)
        body.truncate()
        seen.append(io.BufferedReader(body).readline())
        body.close()
        start_response("200 OK", [])
        return [b""]

    seen: list[Any] = []
    connect(reckless).say(GET, GET)
    assert seen == [b""] * 2


def test_no_head_outlives_its_request() -> None:
    """Its fields may hold secrets, and memory; and there is no time where nobody asks for it."""
    made, _ = talk(GET, POST)
    assert made.conversation._incoming.head is None
    assert [(each.started, each.duration) for each in made.exchanges] == [(0, 0)] * 2


# --- what arrives ---------------------------------------------------------------------------------

CONVERSATIONS = [
    ([GET], [["GET", "/a?b", ""]]),
    ([POST], [["POST", "/p", "hello"]]),
    ([CHUNKED], [["POST", "/c", "hello"]]),
    ([GET, GET], [["GET", "/a?b", ""]] * 2),
    (
        [POST, CHUNKED, GET, POST],
        [
            ["POST", "/p", "hello"],
            ["POST", "/c", "hello"],
            ["GET", "/a?b", ""],
            ["POST", "/p", "hello"],
        ],
    ),
    ([b"\r\n", GET, b"\r\n", GET], [["GET", "/a?b", ""]] * 2),
    ([CLOSE, GET], [["GET", "/last", ""]]),
    ([GET, BAD, GET], [["GET", "/a?b", ""], 400]),
    ([BAD], [400]),
    ([POST[:-1]], []),
    ([CHUNKED[:-1]], []),
    ([GET, GET[:-1]], [["GET", "/a?b", ""]]),
]


@pytest.mark.parametrize(("requests", "expected"), CONVERSATIONS)
def test_whole_byte_by_byte_and_cut_everywhere(requests: list[bytes], expected: list[Any]) -> None:
    data = b"".join(requests)
    cuts = [[data[:at], data[at:]] for at in range(1, len(data))]
    for pieces in ([data], requests, byte_by_byte(data), *cuts):
        made, found = talk(*pieces)
        assert found == expected, pieces
        assert made.connection.closed


@pytest.mark.parametrize("before", [b"", GET])
def test_more_than_one_empty_line_is_treated_alike_at_every_split(before: bytes) -> None:
    data = before + b"\r\n\r\n" + GET
    cuts = [[data[:at], data[at:]] for at in range(1, len(data))]
    results = [talk(*pieces)[1] for pieces in ([data], byte_by_byte(data), *cuts)]
    assert all(result == results[0] for result in results), results


def test_each_answer_is_sent_before_the_next_request_came() -> None:
    made = connect(echo)
    for number in range(1, 4):
        assert len(said(made.say(GET))) == number
        assert not made.conversation.closed
        assert made.conversation.idle


def test_a_head_of_any_size_is_treated_alike_at_every_split() -> None:
    """Between 64 KB, what may wait for its end, and what could come within two arrivals."""
    lines = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 7000) for number in range(10))
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n"
    results = [talk(*pieces)[1] for pieces in pieces_of(head, (1000, 60_000, 65_536))]
    assert all(result == results[0] for result in results), results


def pieces_of(data: bytes, sizes: Iterable[int]) -> list[list[bytes]]:
    return [[data[at : at + size] for at in range(0, len(data), size)] for size in sizes]


def test_an_endless_head_is_refused_long_before_its_end() -> None:
    made = connect(echo, limits=Limits(request_fields=30_000))
    made.say(b"GET / HTTP/1.1\r\nHost: a\r\n", *[b"X: %b\r\n" % (b"a" * 4000)] * 1000)
    assert said(made.connection.sent) == [431]


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\n", b" HTTP/1.1\r\n"])
def test_an_endless_request_line(end: bytes) -> None:
    limits = Limits(request_line=100)
    made = connect(echo, limits=limits)
    made.say(*byte_by_byte(b"GET /" + b"a" * 100 + end))
    assert said(made.connection.sent) == [414]


@pytest.mark.parametrize(
    "start",
    [
        b"\x16\x03\x01",
        b"GET / HTTP/2.0\r\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET\n",
    ],
)
def test_a_head_that_cannot_become_good_is_refused_at_once(start: bytes) -> None:
    made = connect(echo)
    if start.startswith(b"\x16"):
        made.say(start + bytes(500))
        assert made.connection.sent == b""  # it may still go on for a while, but not for long
        made.say(bytes(100_000))
    else:
        made.say(start)
    assert said(made.connection.sent)[0] >= 400


# --- 100 Continue ---------------------------------------------------------------------------------


def test_who_waits_is_told_to_go_on() -> None:
    made = connect(echo)
    assert made.say(EXPECTING) == CONTINUE
    assert said(made.say(b"ab")) == [["POST", "/e", "ab"]]


def test_who_does_not_wait_is_not_told() -> None:
    made = connect(echo)
    made.say(EXPECTING + b"ab")
    assert not made.connection.sent.startswith(CONTINUE)
    assert said(made.connection.sent) == [["POST", "/e", "ab"]]


def test_who_sends_no_body_is_not_told() -> None:
    made = connect(echo)
    made.say(b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n")
    assert CONTINUE not in made.connection.sent


@pytest.mark.parametrize(
    ("fields", "status"),
    [(b"Expect: 100-continue", 413), (b"Expect: something", 417), (b"Expect: ", 417)],
)
def test_who_waits_is_told_not_to(fields: bytes, status: int) -> None:
    length = b"100" if status == 413 else b"1"
    for head in (
        b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\nContent-Length: %b\r\n\r\n" % (fields, length),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\n%b\r\n\r\n" % (length, fields),
    ):
        made, found = talk(head, limits=Limits(request_body=10))
        assert found == [status]
        assert not made.connection.sent.startswith(CONTINUE)
        assert not made.exchanges


# --- after a refusal ------------------------------------------------------------------------------


def test_a_refusal_is_the_last_word_and_what_follows_is_thrown_away() -> None:
    made = connect(echo)
    made.say(BAD)
    answer = answers.read_all(made.connection.sent)[0]
    assert answer.closes
    assert made.connection.write_ended
    assert not made.conversation.closed, "a reset could take the answer away"
    before = made.connection.sent
    made.say(GET * 100)
    assert made.connection.sent == before
    made.end()
    assert made.connection.closed


def test_nobody_is_waited_for_for_ever() -> None:
    made = connect(echo)
    made.say(BAD)
    made.expire()
    assert made.connection.closed


def test_an_answer_with_close_ends_it() -> None:
    made, found = talk(CLOSE)
    assert answers.read_all(made.connection.sent)[0].closes
    assert found == [["GET", "/last", ""]]
    assert made.connection.write_ended


# --- when time is up ------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [b"G", GET[:-1], POST[:-1], CHUNKED[:-1], EXPECTING])
def test_a_request_that_takes_too_long(part: bytes) -> None:
    made = connect(echo)
    made.say(GET, part)
    made.expire()
    assert said(made.connection.sent) == [["GET", "/a?b", ""], 408]
    assert answers.read_all(made.connection.sent.replace(CONTINUE, b""))[-1].closes
    assert len(made.exchanges) == 1


@pytest.mark.parametrize("before", [[], [GET], [GET, b"\r\n"]])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("part", "limit"), [(GET[:-1], 10), (POST[:-1], 20), (b"", 30)])
def test_which_time_limit_counts(
    before: list[bytes], apart: bool, part: bytes, limit: float
) -> None:
    """Whether what has come of a request came with the one before it or by itself."""
    made = connect(echo, timeouts=Timeouts(head=10, body=20, keep_alive=30))
    made.say(*([*before, part] if apart else [b"".join([*before, part])]))
    if not before and not part:
        limit = 10  # a client that connects has a request
    left = made.conversation.deadline - time.monotonic()
    assert limit - 5 < left <= limit


@pytest.mark.parametrize("before", [b"", GET, b"\r\n"])
def test_an_idle_connection_is_closed_without_a_word(before: bytes) -> None:
    made = connect(echo)
    made.say(before)
    sent = made.connection.sent
    made.expire()
    assert made.connection.sent == sent
    assert made.connection.closed


# --- when the client goes away --------------------------------------------------------------------


@pytest.mark.parametrize("part", [b"", b"G", GET[:-1], POST[:-1], CHUNKED[:-1], EXPECTING])
@pytest.mark.parametrize("how", [None, ConnectionResetError(), TimeoutError()])
def test_a_client_that_leaves_is_not_answered(part: bytes, how: OSError | None) -> None:
    made = connect(echo)
    made.say(part)
    sent = made.connection.sent
    if how:
        made.connection.failure = how
        made.conversation.step()
    else:
        made.end()
    assert made.connection.closed
    assert made.connection.sent == sent
    assert not made.exchanges


def test_closing_twice_is_closing() -> None:
    made, _ = talk(GET)
    made.conversation.close()
    assert made.conversation.closed


# --- when the client is slow to take --------------------------------------------------------------


def drip(made: Talk, size: int) -> None:
    """Let the client take ``size`` bytes at a time until it has all."""
    while made.conversation.interest == WRITE and not made.conversation.closed:
        made.connection.room = size
        made.go_on()


@pytest.mark.parametrize("room", [0, 1, 100, 170])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_taken_bit_by_bit(room: int, size: int) -> None:
    made = connect(echo)
    made.connection.room = room
    made.say(POST + GET + CLOSE)
    drip(made, size)
    made.connection.room = 1000
    made.go_on()
    made.end()
    assert said(made.connection.sent) == [
        ["POST", "/p", "hello"],
        ["GET", "/a?b", ""],
        ["GET", "/last", ""],
    ]


def test_no_request_is_taken_up_before_the_last_answer_was_taken() -> None:
    made = connect(echo)
    made.connection.room = 10
    made.say(GET + GET)
    assert made.conversation.interest == WRITE
    assert len(made.exchanges) == 1
    drip(made, 1000)
    assert made.conversation.interest == READ
    assert len(made.exchanges) == 2


@pytest.mark.parametrize("room", [0, 1, 30])
@pytest.mark.parametrize(
    ("refused", "status"), [(BAD, 400), (POST.replace(b"5", b"9" * 20), 400), (b"G", 408)]
)
def test_a_refusal_is_taken_bit_by_bit(refused: bytes, status: int, room: int) -> None:
    """Where an answer before it fills what the client takes for now."""
    made = connect(echo)
    made.connection.room = room
    made.say(refused)
    if status == 408:
        made.expire()
    for _ in range(1000):
        made.connection.room = 7
        if made.conversation.interest == WRITE:
            made.go_on()
    made.end()
    assert said(made.connection.sent) == [status]
    assert made.connection.closed


def test_continue_is_taken_bit_by_bit() -> None:
    made = connect(echo)
    made.connection.room = 3
    made.say(EXPECTING)
    made.connection.room = 1000
    made.say(b"ab")
    drip(made, 1000)
    assert made.connection.sent.startswith(CONTINUE)
    assert said(made.connection.sent) == [["POST", "/e", "ab"]]


def test_a_client_that_takes_nothing_is_given_up() -> None:
    made = connect(echo)
    made.connection.room = 10
    made.say(GET)
    made.expire()
    assert made.connection.closed
    assert made.connection.reset


def test_a_client_that_leaves_in_the_midst_of_its_answer() -> None:
    made = connect(echo)
    made.connection.room = 10
    made.say(GET + GET)
    made.connection.failure = BrokenPipeError()
    made.conversation.step()
    assert made.connection.closed
    assert len(made.exchanges) == 1


@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_a_file_is_taken_bit_by_bit(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 8)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return FileWrapper(path.open("rb"))

    made = connect(application)
    made.connection.room = 150
    made.say(GET + GET)
    drip(made, size)
    found = answers.read_all(made.connection.sent)
    assert [answer.body for answer in found] == [path.read_bytes()] * 2


# --- when the application fails -------------------------------------------------------------------


def failing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    parts = int(environ["QUERY_STRING"])
    start_response("200 OK", [])
    for _ in range(parts):
        yield b"part"
    raise ValueError("broken")


def request(query: bytes, version: bytes = b"1.1", fields: bytes = b"") -> bytes:
    return b"GET /?%b HTTP/%b\r\nHost: a\r\n%b\r\n" % (query, version, fields)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_before_the_head_it_is_500(version: bytes) -> None:
    made = connect(failing)
    made.say(request(b"0", version) + GET)
    made.end()
    (answer,) = answers.read_all(made.connection.sent)
    assert answer.status == 500
    assert answer.closes
    assert b"broken" not in answer.body
    assert len(made.exchanges) == 1


def test_behind_the_head_the_answer_is_visibly_cut() -> None:
    made = connect(failing)
    made.say(request(b"2") + GET)
    assert made.connection.sent.endswith(b"4\r\npart\r\n4\r\npart\r\n")
    assert made.connection.closed
    made = connect(failing)
    made.say(request(b"2", b"1.0"))
    assert made.connection.sent.endswith(b"partpart")
    assert made.connection.reset, "a plain close would say that this was all"


# --- any bytes ------------------------------------------------------------------------------------

pieces_of_requests = st.sampled_from(
    [
        *(GET, CLOSE, POST, CHUNKED, EXPECTING + b"ab", BAD),
        *(b"\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"\r", b"\n", b":", b"\0", b"\xff", b"-", b"_"),
        *(b"GET", b" ", b"/", b"*", b"HTTP/1.1", b"HTTP/1.0"),
        *(b"Host: a\r\n", b"Content-Length: ", b"5", b"Transfer-Encoding: chunked\r\n"),
        *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n"),
    ]
)
streams = st.lists(st.one_of(pieces_of_requests, st.binary(max_size=20)), max_size=12).map(b"".join)


def mutated(data: st.DataObject) -> bytes:
    """A few good requests in which a few bytes were changed, taken out or put in."""
    requests = data.draw(st.lists(st.sampled_from([GET, POST, CHUNKED, CLOSE]), min_size=1))
    stream = bytearray(b"".join(requests))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(stream)))
        stream[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    return bytes(stream)


def split(data: st.DataObject, whole: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def outcome(pieces: list[bytes]) -> tuple[list[Any], bool]:
    """What was asked, as the application saw it, and whether the last was refused.

    Not with which status: of a head with two faults, that is seen first which is there first.
    """
    limits = Limits(request_line=200, request_fields=8, request_field_size=100, request_body=50)
    made, found = talk(*pieces, limits=limits)
    assert made.connection.closed
    asked = [each for each in found if isinstance(each, list)]
    refused = [each for each in found if not isinstance(each, list)]
    assert len(asked) == len(made.exchanges), "an application's answer that is not its own"
    assert found == asked + refused
    assert len(refused) <= 1
    assert all(400 <= status < 600 and status != 500 for status in refused)
    return asked, bool(refused)


@given(st.data(), streams)
def test_any_bytes_get_answers_or_a_clean_close(data: st.DataObject, stream: bytes) -> None:
    whole = outcome([stream])
    assert outcome(byte_by_byte(stream)) == whole
    assert outcome(split(data, stream)) == whole


@given(st.data())
def test_requests_with_a_few_bytes_changed(data: st.DataObject) -> None:
    stream = mutated(data)
    whole = outcome([stream])
    assert outcome(byte_by_byte(stream)) == whole
    assert outcome(split(data, stream)) == whole


@given(st.data(), st.lists(st.binary(max_size=60), max_size=6))
def test_good_requests_at_any_split(data: st.DataObject, bodies: list[bytes]) -> None:
    build: list[Callable[[bytes], bytes]] = [with_length, in_chunks]
    requests = [data.draw(st.sampled_from(build))(body) for body in bodies]
    made, found = talk(*split(data, b"".join(requests)))
    assert [each[2].encode("latin-1") for each in found] == bodies
    assert all(answer.status == 200 for answer in answers.read_all(made.connection.sent))


def with_length(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(body: bytes) -> bytes:
    chunks = b"".join(b"1\r\n%c\r\n" % octet for octet in body)
    return (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
