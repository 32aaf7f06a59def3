"""Whether something answers HTTP."""

import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

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


def to_bind(bind: str) -> http.client.HTTPConnection:
    """A connection to a server's address, HOST:PORT or unix:PATH; not yet open."""
    kind, address = parse_bind(bind)
    if kind == "unix":
        return UnixConnection(address["path"])
    return http.client.HTTPConnection(address["host"], int(address["port"]), timeout=TIMEOUT)


def to_tls(port: int, certificate: Path) -> http.client.HTTPConnection:
    """A connection to localhost that trusts one certificate alone; not yet open."""
    trust = ssl.create_default_context(cafile=str(certificate))
    return http.client.HTTPSConnection("localhost", port, timeout=TIMEOUT, context=trust)


def why_unhealthy(connect: Connect) -> str | None:
    """Asks for /healthz once: None when the answer is 200, else what went wrong, for people."""
    connection = connect()
    try:
        connection.request("GET", HEALTH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status == 200 else f"{HEALTH} answered {status}"
