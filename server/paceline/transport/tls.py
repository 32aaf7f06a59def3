"""TLS around a connection: the standard library's, driven without blocking."""

import functools
import os
import socket
import ssl

from paceline.errors import ConfigError
from paceline.transport.base import Address, Connection, Listener

CHUNK = 1 << 17  # what is read from a file at a time, since sendfile cannot encrypt


class TLSConnection(Connection):
    """A connection whose bytes are encrypted."""

    __slots__ = ("_context", "_shaken")

    secure = True

    def __init__(self, context: ssl.SSLContext, sock: socket.socket, peer: Address) -> None:
        super().__init__(sock, peer)
        self._context = context
        self._shaken = False

    def handshake(self) -> None:
        """Agree on keys; BlockingIOError until the peer has done its part, OSError."""
        if self._shaken:
            return
        if not isinstance(self.socket, ssl.SSLSocket):
            self.socket = self._context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
            self.receive, self.send = self._receive, self._send
        try:
            self.socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        self._shaken = True

    def _receive(self, count: int) -> bytes:
        try:
            return self.socket.recv(count)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self.socket.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def shutdown_write(self) -> None:
        """Send close_notify, without waiting for the peer's."""
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.unwrap()
            except (OSError, ValueError):
                pass  # the peer's is not there yet, or the peer is gone

    def reset_on_close(self) -> None:
        """See to it that the peer sees neither close_notify nor an end."""
        super().reset_on_close()
        self._shaken = False

    def close(self) -> None:
        """Say that this is the end, and close."""
        if self._shaken:
            self.shutdown_write()
        super().close()

    def pending(self) -> bool:
        """Tell whether decrypted bytes wait that the socket's descriptor no longer shows."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Read and send: the kernel does not have the keys."""
        return self.send(os.pread(descriptor, min(count, CHUNK), offset))


def secure(listener: Listener, context: ssl.SSLContext) -> None:
    """Make every connection that ``listener`` accepts a TLS connection."""
    listener.connection = functools.partial(TLSConnection, context)
    listener.secure = True


def server_context(
    certfile: str,
    keyfile: str,
    ca_certs: str | None = None,
    cert_reqs: int = ssl.CERT_NONE,
    ciphers: str | None = None,
) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and later that offers HTTP/1.1 alone.  Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certfile, keyfile)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"--certfile {certfile!r}, --keyfile {keyfile!r}: cannot be used: {error}"
        ) from None
    try:
        if ca_certs:
            context.load_verify_locations(ca_certs)
        context.verify_mode = ssl.VerifyMode(cert_reqs)
        if ciphers:
            context.set_ciphers(ciphers)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--ca-certs, --cert-reqs or --ciphers: {error}") from None
    return context
