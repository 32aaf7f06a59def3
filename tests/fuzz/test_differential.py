"""The comparison finds what it is for: each kind of disagreement, made up here, and no other."""

import pytest

from tests.fuzz.differential import Line, Said, by_conversation, disagreement, strangers
from tests.fuzz.understood import Understood

FIRST = ("GET", "/conversation/0", b"")
A, B, C = ("GET", "/a", b""), ("POST", "/b", b"body"), ("GET", "/c", b"")


def line(number: int, method: str, uri: str, status: int = 200, upstream: str = "s") -> Line:
    return {
        "connection": 1,
        "connection_requests": number + 2,
        "request_id": f"id{number}",
        "method": method,
        "uri": uri,
        "status": status,
        "upstream": upstream,
    }


LINES = [line(0, "GET", "/a"), line(1, "POST", "/b")]
LENGTHS = {"id0": 0, "id1": 4}
REFUSED = line(2, "", "", status=400, upstream="")


@pytest.mark.parametrize(
    ("lines", "waited", "requests", "end"),
    [
        (LINES, False, [A, B], "closed"),
        (LINES, False, [A], "refused"),
        (LINES, False, [A, B, C], "closed"),  # nginx closed, and passed nothing on
        ([*LINES, REFUSED], True, [A, B], "waiting"),
        ([*LINES, REFUSED], False, [A, B, C], "closed"),
        ([LINES[0], line(1, "POST", "/b", status=499)], True, [A, B, C], "closed"),
        ([line(0, "GET", "/x")], False, [("GET", "http://h/x", b"")], "closed"),
        ([line(0, "GET", "?x")], False, [("GET", "http://h?x", b"")], "closed"),
    ],
)
def test_both_saw_the_same(lines, waited, requests, end):
    said = Said(b"", waited, lines)
    assert disagreement(said, Understood([FIRST, *requests], end), LENGTHS) is None


@pytest.mark.parametrize(
    ("lines", "waited", "requests", "end"),
    [
        (LINES, False, [A, C, B], "closed"),  # C was within something
        (LINES, False, [A, ("POST", "/b", b"")], "closed"),  # the body may be the next request
        ([LINES[0], REFUSED], True, [A, C], "closed"),  # part of a body was taken for C
        (LINES, False, [A], "waiting"),  # B was taken for part of a body
    ],
)
def test_both_saw_something_else(lines, waited, requests, end):
    said = Said(b"", waited, lines)
    assert disagreement(said, Understood([FIRST, *requests], end), LENGTHS) is not None


SEEN = [("id0", ("GET", "/a", 0)), ("id1", ("POST", "/b", 4))]


@pytest.mark.parametrize(
    ("counted", "behind", "strange"),
    [
        (LINES, SEEN, 0),
        (LINES, [SEEN[0], (None, ("POST", "/b", None))], 0),  # paceline refused it
        ([line(0, "GET", "/a", upstream="s, s")], [SEEN[0], SEEN[0]], 0),  # nginx asked again
        (LINES, [SEEN[0], SEEN[0], SEEN[1]], 1),
        (LINES, [*SEEN, ("other", ("GET", "/c", 0))], 1),
        (LINES, [SEEN[0], ("id1", ("GET", "/c", 0))], 1),
        (LINES, [*SEEN, (None, ("GET", "/c", None))], 1),
        ([LINES[0], line(1, "POST", "/b", upstream="")], SEEN, 1),
    ],
)
def test_strangers_are_found(counted, behind, strange):
    assert len(strangers(counted, behind)) == strange


def test_lines_are_told_apart_by_their_first():
    first = {**line(-1, "GET", "/conversation/7"), "connection": 1}
    other = {**line(-1, "GET", "/elsewhere"), "connection": 2}
    assert by_conversation([first, *LINES, other]) == {7: LINES}
