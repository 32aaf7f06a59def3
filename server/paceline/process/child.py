"""What becomes of a process that the application forks: it never comes back into the server.

It has a copy of everything.  If it came back, it would answer its parent's request a second time,
in the midst of the same connection, and go on to serve.  So the ways back are closed in the child,
after the fork, which costs the worker nothing: there it ends, whether its code returned, gave the
client something, raised, or called ``sys.exit()`` as forked processes do.

Nor does it keep what belongs to clients: a connection ends when the last process closes it, and one
that waits for its work may live for days.
"""

import logging
import os
import signal
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from paceline.conversation import Conversation
from paceline.exchange import Exchange
from paceline.process.output import flush_output
from paceline.sender import Sender
from paceline.transport import Listener

FAILED = 1
"""Its exit status where it did not choose one."""

log = logging.getLogger("paceline.error")


def keep_out(listeners: Sequence[Listener]) -> None:
    """See to it that children which this process forks from now on are none of the server's."""
    places = {_place(listener.socket) for listener in listeners}

    def after_fork() -> None:
        # It must not act for the worker when it is told to end,
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1):
            signal.signal(each, signal.SIG_DFL)
        # nor keep an address in use when the server has ended.
        for listener in listeners:
            listener.socket.close()
        _hang_up(places)
        for kind, method, instead in WAYS_BACK:
            setattr(kind, method, instead)

    os.register_at_fork(after_in_child=after_fork)


def _place(sock: socket.socket) -> object:
    """Return what a listening socket and the connections that came by it have in common."""
    name = sock.getsockname()
    return name[1] if isinstance(name, tuple) else name  # a port, or a path


def _hang_up(places: set[object]) -> None:
    """Give up the connections of clients; nothing takes their numbers, which objects still have."""
    with suppress(OSError):  # where there is no /proc they stay
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for entry in list(Path("/proc/self/fd").iterdir()):
            with suppress(OSError):  # that of the folder itself has gone
                if not stat.S_ISSOCK(entry.stat().st_mode):
                    continue
                with socket.socket(fileno=os.dup(int(entry.name))) as sock:
                    ours = _place(sock) in places
                if ours:
                    os.dup2(nothing, int(entry.name), inheritable=False)
        os.close(nothing)


def _came_back(*_: object) -> NoReturn:
    log.error("A process that the application forked came back to the server: ended")
    _end(FAILED)


def _raised(exchange: Exchange, error: BaseException) -> NoReturn:
    if isinstance(error, SystemExit):
        _end(error.code if isinstance(error.code, int) else FAILED if error.code else 0)
    about = "the application failed in a process that it forked"
    log.error("%s: %s", exchange.request_line, about, exc_info=error)
    _end(FAILED)


WAYS_BACK = (
    (Sender, "send", _came_back),
    (Sender, "send_file", _came_back),
    (Conversation, "finish", _came_back),
    (Exchange, "_explain", _raised),
)


def _end(status: int) -> NoReturn:
    """End without the worker's exit hooks, as multiprocessing does."""
    flush_output()
    os._exit(status)
