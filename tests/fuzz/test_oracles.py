"""The oracles hold for the corpus and for some of what a fuzzer makes of it, and they can fail."""

import re
from itertools import islice

import pytest
from paceline.errors import BadRequest
from paceline.http import body, framing, request
from paceline.incoming import Incoming

from tests.contract.case import CASES, Case, Expected, parse, read, render
from tests.fuzz import __main__ as fuzz
from tests.fuzz import oracles, reference
from tests.fuzz.mutation import mutations
from tests.fuzz.understood import LOG, LOUD, understand

MUTATIONS = 1000
every_target = pytest.mark.parametrize("target", oracles.TARGETS.values(), ids=oracles.TARGETS)


@every_target
def test_they_hold_for_the_corpus(target):
    for case in CASES:
        target(case.request)


@every_target
def test_they_hold_for_mutations(target):
    for data in islice(mutations(seed=1), MUTATIONS):
        target(data)


def test_mutations_are_the_same_for_the_same_seed_and_not_all_are_refused():
    some = list(islice(mutations(seed=1), MUTATIONS))
    assert some == list(islice(mutations(seed=1), MUTATIONS))
    assert some != list(islice(mutations(seed=2), MUTATIONS))
    taken = sum(bool(understand([data]).requests) for data in some)
    assert MUTATIONS / 10 < taken < MUTATIONS * 9 / 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_second_reader_takes_what_the_corpus_says_is_good(case: Case):
    good = sum(answer.status == 200 for answer in case.answers)
    assert len(list(reference.read(case.request))) >= good


def post(fields: bytes, content: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n%b" % (fields, content)


def anything(*_: object) -> None:
    pass


def refuse(*_: object) -> None:
    raise BadRequest("not whole")


CHUNKED, LAST = b"Transfer-Encoding: chunked", b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("module", "name", "broken", "data"),
    [
        (framing, "_check_coding", anything, post(b"Content-Length: 5\r\n" + CHUNKED, LAST)),
        (framing, "_check_coding", anything, post(b"Transfer-Encoding: x", LAST)),
        (framing, "CONTENT_LENGTH", re.compile("[+0-9]+"), post(b"Content-Length: +1", b"a")),
        (body, "CHUNK_SIZE", re.compile(b"([+0-9]+)"), post(CHUNKED, b"+1\r\na\r\n" + LAST)),
        (request, "TOKEN", re.compile(r"[^:]+"), post(b"Content-Length : 5", b"hello")),
        (request, "CONTROL", re.compile("x"), post(b"A: b\rContent-Length: 5", b"hello")),
        (Incoming, "_check_beginning", refuse, post(b"Content-Length: 5", b"hello")),
    ],
)
def test_a_lenient_parser_is_found(monkeypatch, module, name, broken, data):
    monkeypatch.setattr(request, "_known_names", {})
    oracles.check_connection(data)
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(AssertionError):
        oracles.check_connection(data)


def test_an_error_that_is_only_logged_is_found(monkeypatch):
    monkeypatch.setattr("tests.fuzz.understood.connect", lambda *_, **__: Failing())
    with pytest.raises(AssertionError, match="it failed"):
        understand([b"GET"])
    assert LOUD not in LOG.handlers  # or it would make failures of other tests' errors


class Failing:
    """A conversation in which the server logs an error, and goes on."""

    def say(self, *_: bytes) -> bytes:
        LOG.error("it failed")
        return b""


def test_what_is_found_becomes_the_same_case_again():
    octets = bytes(range(256)) + b' \r\n "\\\r\n\t\r\n'
    answer = Expected(400, closes=True, environ={"a b": '"'}, absent=["x"], fields={"c-d": "e"})
    for case in (Case("found", 'a "why"', octets, (answer,), ends=True), *CASES):
        assert parse(case.name, render(case)) == case


def test_what_breaks_an_oracle_joins_the_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "DIRECTORY", tmp_path / "corpus")
    fuzz.DIRECTORY.mkdir()
    broken = tmp_path / "crash-1"
    broken.write_bytes(b"\0 \r\n\xff")
    assert read(fuzz.keep(broken)).request == b"\0 \r\n\xff"
    assert not broken.exists()
