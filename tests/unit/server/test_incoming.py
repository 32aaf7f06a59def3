"""What is received of a head, and refused before its end: at the bounds, and in any pieces."""

import pytest
from paceline.errors import BadRequest, FieldsTooLarge
from paceline.incoming import Incoming
from paceline.limits import Limits
from paceline.wsgi.disk import Disk

LIMITS = Limits(request_field_size=0)


def head_of(size: int) -> bytes:
    """A request whose head is as long without the empty line that ends it."""
    start = b"GET / HTTP/1.1\r\nHost: a\r\nA: "
    return start + b"b" * (size - len(start)) + b"\r\n\r\n"


@pytest.mark.parametrize("behind", range(6))
def test_the_longest_head_is_taken_wherever_it_is_cut(behind: int) -> None:
    request = head_of(LIMITS.request_head)
    cut = len(request) - behind
    incoming = Incoming(LIMITS, Disk(0))
    whole = incoming.feed(request[:cut]) or incoming.feed(request[cut:])
    assert whole is not None


@pytest.mark.parametrize("behind", range(6))
def test_a_longer_head_is_refused_wherever_it_is_cut(behind: int) -> None:
    request = head_of(LIMITS.request_head + 1)
    cut = len(request) - behind
    incoming = Incoming(LIMITS, Disk(0))
    with pytest.raises(FieldsTooLarge):
        _ = incoming.feed(request[:cut]) or incoming.feed(request[cut:])


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nA: b\n",
        b"GET / HTTP/1.1\r\nA: b\rC",
        b"GET / HTTP/1.1\r\n\r\r",
        b"GET / HTTP/1.1\r\nA: b\r\r\n",
        b"\rG",
        b"\r\n\n",
    ],
)
def test_a_lone_cr_or_lf_is_refused_before_the_heads_end(beginning: bytes) -> None:
    with pytest.raises(BadRequest):
        Incoming(LIMITS, Disk(0)).feed(beginning)
    incoming = Incoming(LIMITS, Disk(0))
    with pytest.raises(BadRequest):
        for at in range(len(beginning)):
            assert incoming.feed(beginning[at : at + 1]) is None


@pytest.mark.parametrize("beginning", [b"\r", b"\r\n\r", b"GET / HTTP/1.1\r", b"\r\n" * 9])
def test_a_cr_may_wait_for_its_lf(beginning: bytes) -> None:
    incoming = Incoming(LIMITS, Disk(0))
    assert incoming.feed(beginning) is None
    assert incoming.begins == bool(beginning.lstrip(b"\r\n") or beginning.endswith(b"\r"))
