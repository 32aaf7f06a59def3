"""An address as people write it → a listener."""

import errno

from paceline.errors import ConfigError
from paceline.transport import inherited, tcp, unix
from paceline.transport.base import Listener
from paceline.transport.bridged import KINDS, BridgedListener

FORMS = "HOST:PORT, [IPV6]:PORT, :PORT, unix:PATH, fd://N, pipe:DIR, spool:DIR or shm:NAME"


def parse(address: str) -> tuple[str, str, int]:
    """Return ``("tcp", host, port)``, ``("unix", path, 0)``, ``("fd", "", descriptor)``, or the
    kind and the place of one that needs a bridge.

    Raises ConfigError.
    """
    kind, _, place = address.partition(":")
    if kind in KINDS and place:
        return kind, place, 0
    if address.startswith("unix:"):
        path = address.removeprefix("unix:").removeprefix("//")
        if path:
            return "unix", path, 0
    elif address.startswith("fd://"):
        if address[5:].isdecimal():
            return "fd", "", int(address[5:])
    else:
        host, colon, port = address.rpartition(":")
        if not colon:
            host, port = address, "8000"
        host = host.removeprefix("tcp://")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if port.isdecimal() and int(port) < 65536 and (":" not in host or bare != host):
            return "tcp", bare, int(port)
    raise ConfigError(f"--bind: {address!r} is not {FORMS}")


def listen(
    address: str,
    *,
    backlog: int = 2048,
    reuse_port: bool = False,
    umask: int | None = None,
    user: int | None = None,
    group: int | None = None,
    option: str = "--bind",
) -> Listener:
    """Bind ``address`` and listen on it.

    ``user`` and ``group`` are those of the workers, where they are others than this process's.
    Raises ConfigError with what to do about it; ``option`` is where another could be chosen.
    """
    kind, name, number = parse(address)
    try:
        if kind == "unix":
            return unix.listen(name, backlog, umask)
        if kind == "fd":
            return inherited.adopt(number, backlog)
        if kind in KINDS:
            return BridgedListener(kind, name, user, group)
        return tcp.listen(name, number, backlog, reuse_port)
    except OSError as error:
        raise ConfigError(_advice(address, error, option)) from None
    except UnicodeError:  # a name with an empty label, or one of more than 63 characters
        raise ConfigError(f"cannot listen on {address}: {name!r} is no name of a host") from None


def _advice(address: str, error: OSError, option: str) -> str:
    reason = error.strerror or str(error)
    if error.errno is None:
        return f"cannot listen on {address}: {reason}"
    advice = {
        "EADDRINUSE": f"; stop what uses it, or choose another with {option}",
        "EACCES": "; choose a port from 1024 up, or a path that this user may write",
        "EADDRNOTAVAIL": "; this machine has no such address",
        "ENOENT": "; its directory does not exist",
    }
    name = errno.errorcode.get(error.errno, "")
    return f"cannot listen on {address}: {reason}{advice.get(name, '')}"
