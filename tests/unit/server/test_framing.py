"""Which body follows a head, what Expect asks for, and whether the connection stays open."""

import pytest
from paceline.errors import RequestError
from paceline.http.body import ChunkedDecoder, LengthDecoder
from paceline.http.framing import frame
from paceline.http.request import RequestHead, parse_head
from paceline.limits import Limits


def head(*fields: str, version: str = "1.1") -> RequestHead:
    lines = [f"POST / HTTP/{version}", "Host: a", *fields]
    return parse_head("\r\n".join(lines).encode("latin-1"), Limits())


def body_status(request: RequestHead, limits: Limits | None = None) -> int:
    with pytest.raises(RequestError) as caught:
        frame(request, limits or Limits())[0]
    return int(caught.value.status[:3])


def test_without_a_length_there_is_no_body() -> None:
    assert frame(head(), Limits())[0] is None
    assert frame(head("Content-Length: 0"), Limits())[0] is None
    assert frame(head("Content-Length: 000"), Limits())[0] is None


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_length(version: str) -> None:
    decoder = frame(head("Content-Length: 0012", version=version), Limits())[0]
    assert isinstance(decoder, LengthDecoder)
    assert decoder.length == 12


@pytest.mark.parametrize(
    "length",
    ["", "+1", "-1", "-0", "1.0", "1e1", "0x1", "1 1", "1,1", "1, 1", "1;a", '"1"', "a", "1_0",
     "\xb2", "\xa01", "9" * 19, "9" * 5000],
)  # fmt: skip
def test_lengths_that_are_none(length: str) -> None:
    assert body_status(head(f"Content-Length: {length}")) == 400


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED"])
def test_chunked(coding: str) -> None:
    decoder = frame(head(f"Transfer-Encoding: {coding}"), Limits())[0]
    assert isinstance(decoder, ChunkedDecoder)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (["Transfer-Encoding: gzip"], 501),
        (["Transfer-Encoding: identity"], 501),
        (["Transfer-Encoding: xchunked"], 501),
        (["Transfer-Encoding: chunked;a=b"], 501),
        (["Transfer-Encoding: \xa0chunked"], 501),
        (["Transfer-Encoding: "], 400),
        (["Transfer-Encoding: chunked, gzip"], 400),
        (["Transfer-Encoding: gzip, chunked"], 501),
        (["Transfer-Encoding: chunked,"], 400),
        (["Transfer-Encoding: ,chunked"], 400),
        (["Transfer-Encoding: chunked, chunked"], 400),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
        (["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], 501),
        (["Transfer-Encoding: chunked", "Content-Length: 1"], 400),
        (["Transfer-Encoding: gzip", "Content-Length: 1"], 400),
        (["Content-Length: 1", "Transfer-Encoding: chunked"], 400),
    ],
)
def test_codings_that_are_refused(fields: list[str], status: int) -> None:
    assert body_status(head(*fields)) == status


@pytest.mark.parametrize("coding", ["chunked", "gzip", ""])
def test_http_1_0_knows_no_coding(coding: str) -> None:
    assert body_status(head(f"Transfer-Encoding: {coding}", version="1.0")) == 400


def test_a_length_past_the_limit() -> None:
    assert body_status(head("Content-Length: 11"), Limits(request_body=10)) == 413
    assert frame(head("Content-Length: 10"), Limits(request_body=10))[0]
    assert frame(head(f"Content-Length: {'9' * 18}"), Limits(request_body=0))[0]


def test_expectations() -> None:
    assert frame(head("Expect: 100-continue"), Limits())[1]
    assert frame(head("Expect: 100-CONTINUE"), Limits())[1]
    assert not frame(head(), Limits())[1]
    assert not frame(head("Expect: 100-continue", version="1.0"), Limits())[1]
    assert not frame(head("Expect: whatever", version="1.0"), Limits())[1]


@pytest.mark.parametrize("value", ["", "200-ok", "100-continue, other", "100-continue;a=b"])
def test_expectations_that_are_refused(value: str) -> None:
    with pytest.raises(RequestError) as caught:
        frame(head(f"Expect: {value}"), Limits())[1]
    assert caught.value.status.startswith("417 ")


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("1.1", [], True),
        ("1.1", ["close"], False),
        ("1.1", ["Close"], False),
        ("1.1", ["closed"], True),
        ("1.1", ["keep-alive"], True),
        ("1.1", ["keep-alive, close"], False),
        ("1.1", ["upgrade", "close"], False),
        ("1.1", ["upgrade"], True),
        ("1.1", [""], True),
        ("1.0", [], False),
        ("1.0", ["keep-alive"], True),
        ("1.0", ["Keep-Alive"], True),
        ("1.0", ["x, keep-alive"], True),
        ("1.0", ["keep-alive, close"], False),
        ("1.0", ["close"], False),
    ],
)
def test_who_keeps_the_connection(version: str, connection: list[str], keeps: bool) -> None:
    fields = [f"Connection: {value}" for value in connection]
    assert frame(head(*fields, version=version), Limits())[2] is keeps
