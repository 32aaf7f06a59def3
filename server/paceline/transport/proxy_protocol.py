"""The PROXY protocol, versions 1 and 2: a load balancer says whom it speaks for.

https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, 2.1 and 2.2.  The header comes before
everything else, TLS too, so it is read from the socket itself and not one byte further.
"""

import ipaddress
import re
import socket
import struct

from paceline.transport.base import Address, Connection

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
MAX_V1 = 107  # bytes with CRLF
MAX_V2 = 16 + 2048  # addresses and a generous share of extensions

V1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?"
    # No "%": behind it ``ipaddress`` takes anything for the name of a zone.
    rb"|TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) ([0-9]{1,5}) ([0-9]{1,5}))\r\n"
)
V2 = struct.Struct("!12sBBH")


class Malformed(ValueError):
    """What came is no PROXY header of a version that is allowed."""


def parse(data: bytes, versions: frozenset[int]) -> tuple[Address | None, int] | None:
    """Return the client's address (None: the proxy speaks for itself) and the header's length.

    None: more bytes are needed.  Raises Malformed.
    """
    if 2 in versions and SIGNATURE.startswith(data[:12]):
        return _parse_v2(data)
    if 1 in versions and b"PROXY ".startswith(data[:6]):
        return _parse_v1(data)
    raise Malformed("no PROXY header where one must be")


def _parse_v1(data: bytes) -> tuple[Address | None, int] | None:
    if b"\n" not in data[:MAX_V1]:
        if len(data) >= MAX_V1:
            raise Malformed("a PROXY line that does not end")
        return None
    match = V1.match(data)
    if match is None:
        raise Malformed("a malformed PROXY line")
    version, client, proxy, *ports = (group and group.decode("latin-1") for group in match.groups())
    if version is None:
        return None, match.end()
    try:
        addresses = ipaddress.ip_address(client), ipaddress.ip_address(proxy)
    except ValueError:
        raise Malformed("a PROXY line without valid addresses") from None
    if any(each.version != int(version) for each in addresses):
        raise Malformed("a PROXY line with addresses of the other family")
    if any(int(port) > 65535 for port in ports):
        raise Malformed("a PROXY line without valid ports")
    return (str(addresses[0]), str(int(ports[0]))), match.end()


def _parse_v2(data: bytes) -> tuple[Address | None, int] | None:
    if len(data) < V2.size:
        return None
    _, version_command, family, length = V2.unpack_from(data)
    size = V2.size + length
    if version_command >> 4 != 2 or version_command & 15 > 1 or size > MAX_V2:
        raise Malformed("a malformed PROXY header")
    if len(data) < size:
        return None
    addresses = {0x11: (4, socket.AF_INET), 0x21: (16, socket.AF_INET6)}
    if version_command & 15 == 0 or family not in addresses:
        return None, size  # LOCAL, or an address that is no TCP address
    width, kind = addresses[family]
    if length < 2 * width + 4:
        raise Malformed("a PROXY header too short for its addresses")
    start = V2.size
    (port,) = struct.unpack_from("!H", data, start + 2 * width)
    return (socket.inet_ntop(kind, data[start : start + width]), str(port)), size


def read(connection: Connection, held: bytes, versions: frozenset[int]) -> bytes | None:
    """Read the header and set ``connection.peer``; None once that is done.

    While bytes are missing, returns those that came, to be given as ``held`` the next time.
    Raises Malformed, BlockingIOError, OSError.
    """
    sock = connection.socket
    seen = sock.recv(MAX_V2 - len(held), socket.MSG_PEEK)
    if not seen:
        raise Malformed("the connection ended before a PROXY header")
    parsed = parse(held + seen, versions)
    if parsed is None:
        return held + sock.recv(len(seen))
    client, size = parsed
    sock.recv(size - len(held))
    connection.peer = client or connection.peer
    return None
