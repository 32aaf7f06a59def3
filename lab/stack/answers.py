"""Whether something answers HTTP."""

import http.client
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.serve import parse_bind

HEALTH = "/healthz"
TIMEOUT = 2.0
"""Seconds for one try; short, since a stop signal is only looked at between tries."""

Connect = Callable[[], http.client.HTTPConnection]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


class UwsgiConnection(http.client.HTTPConnection):
    """The uwsgi protocol, for requests without a body; it answers in HTTP.

    https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html
    """

    def send(self, data: Any) -> None:
        """Sends a head of HTTP as a block of variables."""
        method, path, protocol = data.partition(b"\r\n")[0].split(b" ")
        host = self.host.encode("ascii")
        variables = {
            b"REQUEST_METHOD": method,
            b"REQUEST_URI": path,
            b"PATH_INFO": path,
            b"QUERY_STRING": b"",
            b"SERVER_PROTOCOL": protocol,
            b"HTTP_HOST": host,
            b"SERVER_NAME": host,
            b"SERVER_PORT": str(self.port).encode("ascii"),
        }
        pairs = [part for pair in variables.items() for part in pair]
        block = b"".join(struct.pack("<H", len(part)) + part for part in pairs)
        super().send(struct.pack("<BHB", 0, len(block), 0) + block)


def to_bind(bind: str) -> http.client.HTTPConnection:
    """A connection to a server's address, as parse_bind reads it; not yet open."""
    kind, address = parse_bind(bind)
    if kind == "unix":
        return UnixConnection(address["path"])
    if kind == "uwsgi":
        return UwsgiConnection(address["host"], int(address["port"]), timeout=TIMEOUT)
    return http.client.HTTPConnection(address["host"], int(address["port"]), timeout=TIMEOUT)


def to_tls(port: int, certificate: Path) -> http.client.HTTPConnection:
    """A connection to localhost that trusts one certificate alone; not yet open."""
    trust = ssl.create_default_context(cafile=str(certificate))
    return http.client.HTTPSConnection("localhost", port, timeout=TIMEOUT, context=trust)


NOBODY = (502, 504)
"""What a proxy answers where the server behind it does not."""


def why_unhealthy(connect: Connect, any_answer: bool = False) -> str | None:
    """Asks for /healthz once: None when the answer is 200, else what went wrong, for people.

    A project of one's own need not know that path: of it ``any_answer`` will do.
    """
    connection = connect()
    try:
        connection.request("GET", HEALTH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    healthy = status not in NOBODY if any_answer else status == 200
    return None if healthy else f"{HEALTH} answered {status}"
