"""Whether ports are free, and who holds them."""

import errno
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError

CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")  # ip(7)
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def require_free(ports: Mapping[str, int]) -> None:
    """Raises LabError for the first word whose port cannot be had on loopback."""
    for word, port in ports.items():
        reason = why_not_free(port)
        if reason == errno.EACCES:
            raise LabError(
                f"{word}={port} needs root: ports below 1024 do; choose another: {word}=8080"
            )
        if reason == errno.EADDRINUSE:
            # Ten further on, past the ports that stand beside ours by default.
            others = (number for number in range(port + 10, 65536) if not why_not_free(number))
            other = next(others, None) or free_port()
            by = holder(port) or "another process"
            raise LabError(f"{word}={port} is taken by {by}; choose another: {word}={other}")


def why_not_free(port: int) -> int | None:
    """The errno of listening on a loopback port; None where it can be had.

    ::1 counts too: `localhost` may mean it, and then a browser would reach someone else's server.
    """
    for family, host in LOOPBACK:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return error.errno
    return None


def free_port() -> int:
    """A loopback port that nobody has at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """As many loopback ports that nobody has at this moment, no two the same.

    Below those that the system gives to whoever connects: such a one may be a client's own port by
    the time that a server listens on it.  By chance, as others look for some at the same time.
    """
    first_of_clients = int(CLIENTS.read_text().split()[0]) if CLIENTS.exists() else 49152
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(10_000, max(first_of_clients, 20_000))
        if port not in found and not why_not_free(port):
            found.append(port)
    return found


def holder(port: int) -> str | None:
    """The name and pid of the process that listens on a port, where Linux lets us see it."""
    inodes = {f"socket:[{inode}]" for inode in listening_inodes(port)}
    for link in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        try:
            if str(link.readlink()) in inodes:
                process = link.parent.parent
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # it ended meanwhile, or belongs to someone else
    return None


def listening_inodes(port: int) -> set[str]:
    """The inodes of the TCP sockets that listen on a port, from /proc/net (proc(5))."""
    listen, found = "0A", set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            _, local, _, state, *rest = row.split()
            if state == listen and int(local.rpartition(":")[2], 16) == port:
                found.add(rest[5])
    return found
