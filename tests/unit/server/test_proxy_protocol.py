"""The PROXY protocol's two headers: whole, at every split, and not a byte further."""

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.transport.base import Connection
from paceline.transport.proxy_protocol import MAX_V1, SIGNATURE, Malformed, parse, read

BOTH = frozenset({1, 2})
BEHIND = b"GET / HTTP/1.1\r\n"


def v2(family: int, addresses: bytes, command: int = 1, version: int = 2) -> bytes:
    head = struct.pack("!12sBBH", SIGNATURE, version << 4 | command, family, len(addresses))
    return head + addresses


def tcp4(client: str = "203.0.113.9", port: int = 4711) -> bytes:
    return socket.inet_aton(client) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", port, 80)


TCP6 = socket.inet_pton(socket.AF_INET6, "2001:db8::9") + bytes(16) + struct.pack("!HH", 1, 80)

GOOD = [
    (b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n", ("203.0.113.9", "4711")),
    (b"PROXY TCP6 2001:db8::9 ::1 4711 80\r\n", ("2001:db8::9", "4711")),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 anything at all\r\n", None),
    (v2(0x11, tcp4()), ("203.0.113.9", "4711")),
    (v2(0x11, tcp4() + b"\x04\0\1x"), ("203.0.113.9", "4711")),  # with an extension
    (v2(0x21, TCP6), ("2001:db8::9", "1")),
    (v2(0x00, b"", command=0), None),  # LOCAL: the proxy looks whether the server is well
    (v2(0x11, tcp4(), command=0), None),
    (v2(0x31, bytes(216)), None),  # a Unix socket
]

BAD = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"proxy TCP4 203.0.113.9 192.0.2.1 4711 80\r\n",
    b"PROXY TCP5 203.0.113.9 192.0.2.1 4711 80\r\n",
    b"PROXY TCP4 203.0.113.9 192.0.2.1 4711\r\n",
    b"PROXY TCP4  203.0.113.9 192.0.2.1 4711 80\r\n",
    b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\n",
    b"PROXY TCP4 203.0.113.9 192.0.2.1 port 80\r\n",
    b"PROXY TCP4 host.example 192.0.2.1 4711 80\r\n",
    b"PROXY TCP4 203.0.113.999 192.0.2.1 4711 80\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::1 4711 80\r\n",
    b'PROXY TCP6 fe80::1%"\x1b[2J ::1 4711 80\r\n',
    b"PROXY TCP4 \xff 192.0.2.1 4711 80\r\n",
    b"PROXY TCP4 2001:db8::9 ::1 4711 80\r\n",
    b"PROXY TCP6 203.0.113.9 192.0.2.1 4711 80\r\n",
    b"PROXY TCP4 203.0.113.9 192.0.2.1 65536 80\r\n",
    b"PROXY UNKNOWN " + b"a" * MAX_V1,
    b"PROXY UNKNOWN " + b"a" * MAX_V1 + b"\r\n",
    b"\r\n\r\n\0\r\nQUIX\n",
    v2(0x11, tcp4(), version=1),
    v2(0x11, tcp4(), version=3),
    v2(0x11, tcp4(), command=2),
    v2(0x11, tcp4()[:-1]),
    v2(0x21, tcp4()),
    struct.pack("!12sBBH", SIGNATURE, 0x21, 0x11, 0xFFFF),
]


@pytest.mark.parametrize(("header", "client"), GOOD)
def test_headers(header: bytes, client: tuple[str, str] | None) -> None:
    assert parse(header, BOTH) == (client, len(header))
    assert parse(header + BEHIND, BOTH) == (client, len(header))
    for end in range(len(header)):
        assert parse(header[:end], BOTH) is None


@pytest.mark.parametrize("header", BAD)
def test_headers_that_are_refused(header: bytes) -> None:
    with pytest.raises(Malformed):
        parse(header + BEHIND, BOTH)


def test_only_versions_that_are_allowed() -> None:
    for header, _ in GOOD:
        version = 1 if header.startswith(b"PROXY") else 2
        assert parse(header, frozenset({version})) is not None
        with pytest.raises(Malformed):
            parse(header, BOTH - {version})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_or_not(data: bytes) -> None:
    for whole in (data, b"PROXY " + data, SIGNATURE + data, SIGNATURE + b"\x21\x11" + data):
        try:
            parsed = parse(whole, BOTH)
        except Malformed:
            continue
        assert parsed is None or parsed[1] <= len(whole)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection as the server has it, and the client's end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield Connection(ours, ("192.0.2.1", "1")), theirs


@pytest.mark.parametrize(("header", "client"), GOOD)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_header_is_read_and_nothing_behind_it(
    ends: tuple[Connection, socket.socket],
    header: bytes,
    client: tuple[str, str] | None,
    step: int,
) -> None:
    connection, peer = ends
    data = header + BEHIND
    held: bytes | None = b""
    for start in range(0, len(data), step):
        peer.sendall(data[start : start + step])
        if held is not None:
            held = read(connection, held, BOTH)
            assert (held is None) == (start + step >= len(header))
    assert connection.peer == (client or ("192.0.2.1", "1"))
    assert connection.receive(1000) == BEHIND


def test_reading_where_nothing_came(ends: tuple[Connection, socket.socket]) -> None:
    connection, peer = ends
    with pytest.raises(BlockingIOError):
        read(connection, b"", BOTH)
    peer.close()
    with pytest.raises(Malformed):
        read(connection, b"", BOTH)
