"""A status and fields → bytes: what an application says can only be what it looks like."""

import enum
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.errors import ApplicationError
from paceline.http import response
from paceline.http.response import CACHE_SIZE, HOP_BY_HOP, encode_head, error_answer

Fields = Sequence[tuple[str, str]]


def encode_fields(fields: Fields) -> tuple[bytes, int | None, bool, bool, bool]:
    return encode_head("200 OK", fields)[2:]


def status_line(status: str) -> tuple[int, bytes]:
    return encode_head(status, [])[:2]


@pytest.mark.parametrize(
    ("status", "code"),
    [("200 OK", 200), ("404 Not Found", 404), ("599 \xe9t\xe9", 599), ("299 ", 299)],
)
def test_status_lines(status: str, code: int) -> None:
    for _ in range(2):  # the second comes from memory
        assert status_line(status) == (code, b"HTTP/1.1 %b\r\n" % status.encode("latin-1"))


@pytest.mark.parametrize(
    "status",
    ["", "200", "200\tOK", " 200 OK", "20 OK", "2000 OK", "099 Low", "abc OK", "-20 OK",
     "200 OK\r\n", "200 OK\r\nX: y", "200 a\nb", "200 a\rb", "200 \0", "200 \x7f", "200 \u20ac",
     "\u0662\u0660\u0660 OK", 200, b"200 OK", None],
)  # fmt: skip
def test_statuses_that_are_refused(status: str) -> None:
    with pytest.raises(ApplicationError):
        status_line(status)


def test_more_statuses_than_are_remembered() -> None:
    for number in range(CACHE_SIZE + 10):
        assert status_line(f"200 number {number}")[1] == b"HTTP/1.1 200 number %d\r\n" % number
    assert status_line("200 number 0") == (200, b"HTTP/1.1 200 number 0\r\n")


def test_fields() -> None:
    fields = encode_fields([("X-A", "1"), ("x-a", ""), ("Set-Cookie", "a\tb\xff")])
    raw = b"X-A: 1\r\nx-a: \r\nSet-Cookie: a\tb\xff\r\n"
    assert fields == (raw, None, False, False, False)


def test_no_fields() -> None:
    assert encode_fields([])[0] == b""


def test_what_the_server_must_know() -> None:
    fields = encode_fields([("content-length", "12"), ("DATE", "now"), ("Server", "mine")])
    raw = b"content-length: 12\r\nDATE: now\r\nServer: mine\r\n"
    assert fields == (raw, 12, False, True, True)


@pytest.mark.parametrize("name", [name.title() for name in sorted(HOP_BY_HOP)])
def test_fields_of_one_connection_are_the_servers(name: str) -> None:
    raw, *_ = encode_fields([("A", "1"), (name, "chunked"), (name.upper(), "x"), ("B", "2")])
    assert raw == b"A: 1\r\nB: 2\r\n"


def test_an_application_may_close_the_connection() -> None:
    for value, closes in (("close", True), ("x, Close", True), ("keep-alive", False)):
        assert encode_fields([("Connection", value)]) == (b"", None, closes, False, False)


@pytest.mark.parametrize("value", ["", "a", "-1", "+1", "1.0", " 1", "1, 1", "\u0661"])
def test_lengths_that_are_none(value: str) -> None:
    with pytest.raises(ApplicationError):
        encode_fields([("Content-Length", value)])


@pytest.mark.parametrize("second", ["2", "1", "01"])
def test_two_lengths(second: str) -> None:
    with pytest.raises(ApplicationError, match="Two Content-Lengths"):
        encode_fields([("Content-Length", "1"), ("content-length", second)])


@pytest.mark.parametrize("control", [chr(octet) for octet in (*range(0x20), 0x7F) if octet != 9])
@pytest.mark.parametrize("name", ["X", "Server", "Date", "Connection", "Content-Length"])
def test_controls_in_a_value(control: str, name: str) -> None:
    for value in (f"1{control}", f"{control}1", f"1\r{control}\n1"):
        with pytest.raises(ApplicationError):
            encode_fields([("A", "1"), (name, value), ("B", "2")])


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", "a\r\nb", "a\n", "a\0", "\xe4", "a\u20ac", "(a)"]
)
def test_names_that_are_no_token(name: str) -> None:
    for _ in range(2):  # a name that was refused is not remembered as a good one
        with pytest.raises(ApplicationError):
            encode_fields([(name, "1")])


@pytest.mark.parametrize(
    "field",
    [("A", 1), ("A", b"1"), ("A", None), (b"A", "1"), (1, "1"), ("A", "\u20ac"), ("A",), "AB",
     ["A", "1"], ([], "1"), ("A", "1", "2"), None],
)  # fmt: skip
def test_fields_that_are_no_text(field: tuple[str, str]) -> None:
    with pytest.raises(ApplicationError):
        encode_fields([field])


class Text(str):
    """Of a subclass, as frameworks have some."""


class Kind(str, enum.Enum):  # noqa: UP042
    """Its text is its value, but what it is formatted as depends on the version of Python."""

    HTML = "text/html"


class Liar(str):
    """Equals what it does not look like."""

    def __str__(self) -> str:
        return "a\r\nSet-Cookie: b"

    def __format__(self, spec: str) -> str:
        return str(self)

    def isprintable(self) -> bool:
        return True

    def isdecimal(self) -> bool:
        return True


@pytest.mark.parametrize("name", ["A", "Content-Type", "Server", "Date"])
@pytest.mark.parametrize("kind", [Text, Kind, Liar])
def test_of_a_subclass_the_text_counts(name: str, kind: type[str]) -> None:
    for _ in range(2):
        raw = encode_fields([(name, kind("text/html"))])[0]
        assert raw.endswith(b": text/html\r\n")
        assert encode_fields([(name, "text/html")])[0] == f"{name}: text/html\r\n".encode()


def test_a_length_and_a_status_of_a_subclass() -> None:
    assert encode_head(Liar("200 OK"), [])[:2] == (200, b"HTTP/1.1 200 OK\r\n")
    assert encode_fields([("Content-Length", Liar("7"))])[:2] == (b"Content-Length: 7\r\n", 7)
    with pytest.raises(ApplicationError):
        encode_fields([("Content-Length", Liar("x"))])
    with pytest.raises(ApplicationError):
        encode_fields([("A", Liar("a\r\nb: c"))])


def test_what_is_no_list_of_fields() -> None:
    with pytest.raises(ApplicationError, match="list of tuples"):
        encode_head("200 OK", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Content-Type", "Vary", "Content-Length"])
def test_heads_that_come_again_are_remembered(name: str) -> None:
    fields = [(name, "1")]
    assert encode_head("200 OK", fields) is encode_head("200 OK", fields)
    assert encode_head("404 Not Found", fields)[0] == 404
    assert encode_head("200 OK", [(name, "2")])[2] == f"{name}: 2\r\n".encode()


@pytest.mark.parametrize("name", ["Set-Cookie", "Location", "ETag", "X-Whatever"])
def test_heads_that_may_hold_a_secret_are_forgotten(name: str) -> None:
    encode_head("200 OK", [("Content-Type", "a"), (name, "secret")])
    assert "secret" not in repr((response._known_heads, response._known_fields))


def test_more_heads_than_are_remembered() -> None:
    for number in range(CACHE_SIZE + 10):
        raw = b"Content-Length: %d\r\n" % number
        assert encode_head("200 OK", [("Content-Length", str(number))])[2:4] == (raw, number)
    assert len(response._known_heads) <= CACHE_SIZE


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=20)), max_size=4))
def test_as_many_lines_as_fields_or_an_error(fields: list[tuple[str, str]]) -> None:
    try:
        raw, *_ = encode_fields(fields)
    except ApplicationError:
        return
    lines = raw.split(b"\r\n")
    kept = [each for each in fields if each[0].lower() not in HOP_BY_HOP]
    assert len(lines) == len(kept) + 1
    assert not any(octet in line for line in lines for octet in b"\r\n\0")


def test_an_answer_of_the_servers_own() -> None:
    fields, body = error_answer("400 Bad Request", "Because.")
    assert body == b"400 Bad Request\n\nBecause.\n"
    assert dict(fields)["Content-Length"] == str(len(body))
