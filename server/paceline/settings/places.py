"""From what a person wrote to a value: addresses, networks, users and groups."""

import grp
import ipaddress
import pwd
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_PORT = "8000"

UNIX_PATH_BYTES = 107
"""The room in sockaddr_un on Linux, less the NUL at its end."""

MEMORY_NAME = "[A-Za-z0-9_][A-Za-z0-9._-]{0,60}"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address(value: object) -> str:
    """An address to listen on: ``HOST:PORT``, ``[IPV6]:PORT``, ``unix:PATH``, ``fd://N``, or one of
    those that need no network: ``pipe:DIR``, ``spool:DIR``, ``shm:NAME``.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not an address such as 127.0.0.1:8000 or unix:PATH")
    where = value.strip()
    if where.startswith("unix:"):
        return _unix(where.removeprefix("unix:").removeprefix("//"))
    if where.startswith(("pipe:", "spool:")):
        return _directory(where)
    if where.startswith("shm:"):
        if not re.fullmatch(MEMORY_NAME, where[4:]):
            raise ValueError(f"{value!r}: shm: needs a name of letters, digits, . _ -")
        return where
    if where.startswith("fd://"):
        if not re.fullmatch("[0-9]{1,9}", where[5:]):
            raise ValueError(f"{value!r} names no descriptor: fd:// and a number, such as fd://3")
        return where
    if where.startswith("systemd:"):
        return where
    return _internet(where.removeprefix("tcp://"))


def unix_address(value: object) -> str:
    """A path to listen on, as ``unix:PATH``."""
    where = value.strip() if isinstance(value, str) else ""
    if not where.startswith("unix:"):
        raise ValueError(f"{value!r} is not a path such as unix:/run/stats.sock")
    return address(where)


def _unix(path: str) -> str:
    if not path or "\0" in path:
        raise ValueError("'unix:' needs the path of a socket, such as unix:/run/app.sock")
    if len(path.encode()) > UNIX_PATH_BYTES:
        raise ValueError(f"{path!r} is too long for a socket: at most {UNIX_PATH_BYTES} bytes")
    return f"unix:{path}"


def _directory(where: str) -> str:
    kind, _, path = where.partition(":")
    if not path or "\0" in path:
        raise ValueError(f"'{kind}:' needs a directory, such as {kind}:/run/shop")
    longest = UNIX_PATH_BYTES - len("/socket-") - len(socket.gethostname().encode())
    if len(path.encode()) > longest:
        raise ValueError(f"{path!r} is too long for what is in it: at most {longest} bytes")
    return where


def _internet(where: str) -> str:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([^:]*))?", where)
    if not match:
        raise ValueError(f"{where!r}: an IPv6 address goes in brackets, such as [::1]:8000")
    host, port = match[1], match[2] or (DEFAULT_PORT if match[2] is None else "")
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError(f"{where!r}: {port!r} is not a port (0 to 65535)")
    if match[2] is None and host.isdigit():
        raise ValueError(f"{where!r} names no host; for a port alone write :{where}")
    return f"{_host(host) or '0.0.0.0'}:{int(port)}"  # nosec B104  # whoever wrote `:8000` said so


def _host(host: str) -> str:
    if not host.startswith("["):
        if re.fullmatch("[A-Za-z0-9._-]*", host):
            return host.lower()
        raise ValueError(f"{host!r} is not the name or the address of a host")
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    except ValueError:
        raise ValueError(f"{host!r} is not an IPv6 address") from None


@dataclass(frozen=True)
class Networks:
    """The addresses of peers that are trusted: ``"10.0.0.7" in networks``."""

    networks: tuple[Network, ...] = ()
    everyone: bool = False

    def __contains__(self, peer: str) -> bool:
        """Whether ``peer``, an IP address as text, is trusted.

        A peer without an address (the other end of a Unix socket, ``""``) is: whoever may open
        that socket was let in by the file system.
        """
        if self.everyone or not peer:
            return True
        try:
            where = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        # A socket that listens on IPv6 sees IPv4 peers as ::ffff:a.b.c.d.
        where = getattr(where, "ipv4_mapped", None) or where
        return any(where in network for network in self.networks)

    def __str__(self) -> str:
        names = [str(_as_address(network)) for network in self.networks]
        return ",".join(["*"] * self.everyone + names)


def _as_address(network: Network) -> object:
    return network if network.num_addresses > 1 else network.network_address


def networks(value: object) -> Networks:
    """Addresses and CIDR networks, ``*`` for everyone; text with commas, or a list."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError(f"{value!r} is not a list of addresses")
    names = [str(part).strip() for part in parts]
    try:
        found = tuple(ipaddress.ip_network(name) for name in names if name not in {"", "*"})
    except ValueError as error:
        raise ValueError(f"{error}; give addresses, networks such as 10.0.0.0/8, or *") from None
    return Networks(found, everyone="*" in names)


def user(value: object) -> int:
    """The number of a user given by name or number."""
    return _number(value, "user", lambda name: pwd.getpwnam(name).pw_uid)


def group(value: object) -> int:
    """The number of a group given by name or number."""
    return _number(value, "group", lambda name: grp.getgrnam(name).gr_gid)


def _number(value: object, what: str, find: Callable[[str], int]) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    name = str(value).strip()
    if re.fullmatch("[0-9]{1,9}", name):
        return int(name)
    try:
        return find(name)
    except KeyError:
        raise ValueError(f"there is no {what} {name!r} on this machine") from None
