"""Sockets that systemd has bound before this process began (sd_listen_fds(3)).

They are descriptors from 3 on.  LISTEN_PID says whose they are, LISTEN_FDS how many, and
LISTEN_FDNAMES what each is called, in the unit by ``FileDescriptorName=``.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from paceline.errors import ConfigError
from paceline.settings.sources import Layer

FIRST = 3
SCHEME = "systemd:"
"""With a name behind it the sockets of that name, alone all of them."""


def passed(environ: Mapping[str, str], pid: int | None = None) -> list[tuple[str, int]]:
    """Name and descriptor of each socket that was passed to this process, or to another one."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid or os.getpid()) or not count.isdecimal():
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += [""] * int(count)
    return [(names[at], FIRST + at) for at in range(int(count))]


def layer(environ: Mapping[str, str]) -> Layer:
    """Say to listen on all of them, where nobody has said otherwise."""
    values = {"bind": [SCHEME]} if passed(environ) else {}
    return Layer(values, lambda setting: "LISTEN_FDS")


def resolve(
    bind: Iterable[str], environ: Mapping[str, str], warn: Callable[[str], None]
) -> tuple[str, ...]:
    """Put descriptors in place of ``systemd:``; raises ConfigError where there are none."""
    sockets = passed(environ)
    found = tuple(each for address in bind for each in _resolved(address, sockets))
    if sockets and not {f"fd://{descriptor}" for _, descriptor in sockets} & {*found}:
        warn("nobody answers on the sockets that systemd has passed: leave --bind out for them")
    return found


def _resolved(address: str, sockets: list[tuple[str, int]]) -> Iterator[str]:
    if not address.startswith(SCHEME):
        yield address
        return
    wanted = address.removeprefix(SCHEME)
    matching = [descriptor for name, descriptor in sockets if wanted in ("", name)]
    if not matching:
        there = ", ".join(repr(name) for name, _ in sockets) or "none: is there a socket unit?"
        raise ConfigError(f"--bind {address}: there is no such socket; systemd has passed {there}")
    yield from (f"fd://{descriptor}" for descriptor in matching)
