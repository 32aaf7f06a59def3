"""TCP over IPv4 and IPv6."""

import ctypes
import socket
import struct
import sys

from paceline.transport.base import Address, Connection, Listener

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>
# A program of the kernel's packet filter (Documentation/networking/filter.rst), which sees a packet
# from its TCP header on: (code, true, false, value) of each step.
NO_SYN = b"".join(
    struct.pack("HBBI", *step)
    for step in (
        (0x30, 0, 0, 13),  # load the byte of the flags
        (0x45, 0, 1, 0x02),  # is SYN among them?
        (0x06, 0, 0, 0),  # yes: drop it
        (0x06, 0, 0, 0xFFFFFFFF),  # no: let all of it pass
    )
)


class TCPListener(Listener):
    """Accepts TCP connections."""

    @property
    def name(self) -> Address:
        """Return host and port; no host for one that listens on all addresses."""
        host, port, *_ = self.socket.getsockname()
        if ":" in host:
            host = f"[{host}]"  # as in a URL (RFC 3875, 4.1.14)
        return ("" if host in ("0.0.0.0", "[::]") else host), str(port)  # nosec B104

    def take_no_more(self) -> None:
        """See the base: on Linux what would open a connection is dropped.

        To a client that looks like a packet that was lost: it tries again after a second, when
        somebody else listens, or nobody.
        """
        if self.shared or sys.platform != "linux":
            return
        program = ctypes.create_string_buffer(NO_SYN, len(NO_SYN))
        described = struct.pack("HP", len(NO_SYN) // 8, ctypes.addressof(program))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)
        except OSError:
            pass  # a kernel without it: as elsewhere

    def accept(self) -> Connection:
        """Return the next connection, with Nagle's algorithm off.

        An answer is sent in as few calls as can be, so there is nothing to gather: with it on, a
        head and a body sent apart would wait for each other's acknowledgement (about 40 ms).
        """
        sock, peer = self.socket.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection(sock, (_plain(peer[0]), str(peer[1])))


def _plain(address: str) -> str:
    """Return an IPv4 address that came through an IPv6 socket as what it is."""
    return address.removeprefix("::ffff:") if "." in address else address


def listen(host: str, port: int, backlog: int, reuse_port: bool) -> TCPListener:
    """Bind and listen; an empty host means all addresses, of IPv6 too where there is IPv6.

    Raises OSError.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    dual_stack = not host and socket.has_dualstack_ipv6()
    if dual_stack:
        family, address = socket.AF_INET6, ("::", port)
    sock = socket.create_server(
        (str(address[0]), int(address[1])),
        family=socket.AddressFamily(family),
        backlog=backlog,
        reuse_port=reuse_port,
        dualstack_ipv6=dual_stack,
    )
    return TCPListener(sock, describe(sock))


def describe(sock: socket.socket) -> str:
    """Return ``host:port``, or ``[host]:port`` for IPv6, of a bound socket."""
    host, port, *_ = sock.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
