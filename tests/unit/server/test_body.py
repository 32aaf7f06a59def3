"""The two codings of a body: whole, byte by byte, at any split, and with more bytes behind."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.errors import RequestError
from paceline.http.body import (
    LAST_CHUNK,
    MAX_SIZE_LINE,
    ChunkedDecoder,
    LengthDecoder,
    encode_chunk,
)
from paceline.limits import Limits

BEHIND = b"GET /behind HTTP/1.1\r\n\r\n"


def chunked(limit: int = 0, fields: int = 100, size: int = 8190) -> ChunkedDecoder:
    limits = Limits(request_body=limit, request_fields=fields, request_field_size=size)
    return ChunkedDecoder(limits)


def decode(decoder: LengthDecoder | ChunkedDecoder, pieces: Iterable[bytes]) -> bytes:
    """Feed until it is done; what was not fed stays behind its rest."""
    content = b""
    left = iter(pieces)
    for piece in left:
        content += decoder.feed(piece)
        if decoder.done:
            break
    decoder.rest += b"".join(left)
    return content


def ways(data: bytes) -> list[list[bytes]]:
    """Whole, byte by byte, and cut once at every place."""
    single = [data[at : at + 1] for at in range(len(data))]
    return [[data], single, *([data[:at], data[at:]] for at in range(1, len(data)))]


GOOD = [
    (b"0\r\n\r\n", b""),
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"05\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", b"hello!"),
    (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
    (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    (b'3;a;b=c;d="e\\"f;\t"\r\nabc\r\n0;x\r\n\r\n', b"abc"),
    (b"3 ; a = b\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b"1\r\na\r\nB\r\n0123456789a\r\n00b\r\n0123456789a\r\n0\r\n\r\n", b"a" + 2 * b"0123456789a"),
    (b"1\r\n\r\r\n1\r\n\n\r\n4\r\n\r\n1\r\r\n0" + b"\r\n" * 2, b"\r\n\r\n1\r"),
    (b"1\r\na\r\n1;x\r\nb\r\n01\r\nc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n", b"abcd"),
    (b"1\r\na\r\n0\r\nX: y\r\nEmpty:\r\nContent-Length: 7\r\n\r\n", b"a"),
]


@pytest.mark.parametrize(("data", "content"), GOOD)
@pytest.mark.parametrize("behind", [b"", BEHIND, b"\r\n", b"0"])
def test_chunks(data: bytes, content: bytes, behind: bytes) -> None:
    for pieces in ways(data + behind):
        decoder = chunked()
        assert decode(decoder, pieces) == content
        assert decoder.done
        assert decoder.rest == behind
        assert decoder.length == len(content)


@pytest.mark.parametrize(("data", "content"), GOOD)
def test_a_cut_body_is_never_done(data: bytes, content: bytes) -> None:
    for end in range(len(data)):
        for pieces in ([data[:end]], [data[at : at + 1] for at in range(end)]):
            decoder = chunked()
            assert content.startswith(decode(decoder, pieces))
            assert not decoder.done


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b" 1\r\na\r\n",
        b"1 \r\na\r\n",
        b"1\t\r\na\r\n",
        b"1_0\r\n",
        b"0_1\r\na\r\n",
        b"\xb2\r\n",
        b"1" * 16 + b"\r\n",
        b"0" * 15 + b"1\r\na\r\n",
        b"1\na\r\n",
        b"1\ra\r\n",
        b"1\r\r\na\r\n",
        b"1;\r\na\r\n",
        b"1;a=\r\na\r\n",
        b"1;a b\r\na\r\n",
        b'1;a="b\r\na\r\n',
        b"1;a\nb\r\na\r\n",
        b"1;a\rb\r\na\r\n",
        b"1;\0\r\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n\n",
        b"1\r\na\n1\r\nb\r\n",
        b"1\r\na\r0",
        b"1\r\na0\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n: a\r\n\r\n",
        b"0\r\nX : a\r\n\r\n",
        b"0\r\n X: a\r\n\r\n",
        b"0\r\nX: a\nY: b\r\n\r\n",
        b"0\r\nX: a\rb\r\n\r\n",
        b"0\r\nX: \0\r\n\r\n",
        b"0\r\n\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"1\r\na\r\n"])
def test_chunks_that_are_refused(before: bytes, data: bytes) -> None:
    for pieces in ways(before + data + LAST_CHUNK + BEHIND):
        with pytest.raises(RequestError) as caught:
            decode(chunked(), pieces)
        assert caught.value.status.startswith("400 ")


@pytest.mark.parametrize(
    ("data", "decoder", "status"),
    [
        (b"4\r\nabcd\r\n0\r\n\r\n", {"limit": 3}, "413"),
        (b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", {"limit": 3}, "413"),
        (b"1\r\na\r\n" * 4 + b"0\r\n\r\n", {"limit": 3}, "413"),
        (b"1\r\na\r\n01\r\nb\r\n002\r\ncd\r\n0\r\n\r\n", {"limit": 3}, "413"),
        (b"f" * 15 + b"\r\n", {"limit": 3}, "413"),
        (b"1\r\na\r\n" + b"f" * 15 + b"\r\n", {"limit": 3}, "413"),
        (b"0\r\nA: 1\r\nB: 2\r\n\r\n", {"fields": 1}, "431"),
        (b"0\r\nA: 12345\r\n\r\n", {"size": 7}, "431"),
        (b"0\r\nA: 12345678901234567890", {"size": 7}, "431"),
        (b"1;" + b"a" * MAX_SIZE_LINE + b"\r\na\r\n0\r\n\r\n", {}, "431"),
        (b"1" * (MAX_SIZE_LINE + 2), {}, "431"),
    ],
)
def test_limits_passed(data: bytes, decoder: dict[str, int], status: str) -> None:
    for pieces in ways(data):
        with pytest.raises(RequestError) as caught:
            decode(chunked(**decoder), pieces)
        assert caught.value.status.startswith(status)


@pytest.mark.parametrize(
    ("data", "decoder"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", {"limit": 3}),
        (b"1\r\na\r\n" * 3 + b"0\r\n\r\n", {"limit": 3}),
        (b"0\r\nA: 1\r\nB: 2\r\n\r\n", {"fields": 2}),
        (b"0\r\nA: 1234\r\n\r\n", {"size": 7}),
        (b"0;" + b"a" * (MAX_SIZE_LINE - 2) + b"\r\n\r\n", {}),
    ],
)
def test_limits_reached(data: bytes, decoder: dict[str, int]) -> None:
    for pieces in ways(data):
        made = chunked(**decoder)
        decode(made, pieces)
        assert made.done


MANY = 1000  # bytes in a piece, where each place to cut would take too long


def pieces_of(data: bytes) -> list[list[bytes]]:
    return [[data], [data[at : at + MANY] for at in range(0, len(data), MANY)]]


@pytest.mark.parametrize(
    ("data", "decoder"),
    [
        ((b"1;" + b"a" * 99 + b"\r\nb\r\n") * 164 + b"0\r\n\r\n", {}),  # of all extensions
        (b"0\r\n" + (b"A: " + b"b" * 995 + b"\r\n") * 66 + b"\r\n", {}),  # of all trailers
        (b"0\r\nA: " + b"b" * (1 << 16), {"size": 0}),  # even where a field has no limit
    ],
)
def test_what_is_dropped_is_bounded_as_a_whole(data: bytes, decoder: dict[str, int]) -> None:
    for pieces in pieces_of(data):
        with pytest.raises(RequestError) as caught:
            decode(chunked(**decoder), pieces)
        assert caught.value.status.startswith("431")


@pytest.mark.parametrize(
    "data",
    [
        (b"1;" + b"a" * 99 + b"\r\nb\r\n") * 163 + b"0\r\n\r\n",
        b"0\r\n" + (b"A: " + b"b" * 995 + b"\r\n") * 65 + b"\r\n",
    ],
)
def test_what_is_dropped_may_come_up_to_its_bound(data: bytes) -> None:
    for pieces in pieces_of(data):
        made = chunked()
        decode(made, pieces)
        assert made.done


def test_too_large_a_chunk_is_refused_by_its_size_alone() -> None:
    """Before a byte of it came: nothing is stored that will be thrown away."""
    with pytest.raises(RequestError):
        chunked(limit=10).feed(b"b\r\n")
    with pytest.raises(RequestError):
        chunked(limit=10).feed(b"1\r\na\r\n" * 11)


@pytest.mark.parametrize("behind", [b"", BEHIND])
def test_a_length(behind: bytes) -> None:
    for pieces in ways(b"hello" + behind):
        decoder = LengthDecoder(5, 5)
        assert decode(decoder, pieces) == b"hello"
        assert (decoder.done, decoder.rest, decoder.length) == (True, behind, 5)


def test_a_length_not_reached() -> None:
    decoder = LengthDecoder(5, 0)
    assert decode(decoder, [b"he", b"ll"]) == b"hell"
    assert not decoder.done


@given(st.data(), st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.binary(max_size=20))
def test_what_was_encoded_is_decoded_at_any_split(
    data: st.DataObject, chunks: list[bytes], behind: bytes
) -> None:
    zeros = data.draw(st.sampled_from([b"", b"0", b"00000"]))
    whole = b"".join(zeros + encode_chunk(chunk) for chunk in chunks) + LAST_CHUNK + behind
    decoder = chunked()
    assert decode(decoder, split(data, whole)) == b"".join(chunks)
    assert decoder.rest == behind


@given(st.data(), st.binary(max_size=60))
def test_any_bytes_mean_the_same_at_any_split(data: st.DataObject, noise: bytes) -> None:
    for begins in (b"", b"3\r\nabc\r\n", b"1\r\na\r\n1", b"3\r\nabc", b"0\r\nX: y\r\n"):
        whole = begins + noise
        assert outcome(split(data, whole)) == outcome([whole])


@pytest.mark.parametrize(
    "whole",
    [
        b"0\r\nlf: \n" + b"x" * 40,
        b"0\r\ncr: \rx" + b"x" * 40,
        b"0\r\n" + b"x" * 40 + b"\n",
        b"0\r\n" + b"a: b\r\n" * 3 + b"cr: \rx\r\n\r\n",
        b"1;lf\n" + b"x" * 300,
        b"1;cr\rx" + b"x" * 300 + b"\r\n",
        *(b"0\r\na:" + b"x" * length + end for length in (27, 28, 29) for end in (b"\n", b"\rx")),
        *(b"0\r\na:" + b"x" * length + b"\r\r\n\r\n" for length in (26, 27, 28, 29)),
    ],
)
def test_of_two_faults_the_first_counts_at_any_split(whole: bytes) -> None:
    octets = [whole[at : at + 1] for at in range(len(whole))]
    assert outcome([whole]) == outcome(octets)


def split(data: st.DataObject, whole: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def outcome(pieces: list[bytes]) -> object:
    decoder = chunked(limit=1000, fields=3, size=30)
    try:
        content = decode(decoder, pieces)
    except RequestError as error:
        return type(error)
    return content, decoder.done, decoder.rest
