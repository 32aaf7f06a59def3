"""What becomes of a process that the application forks: it never comes back into the server.

It has a copy of everything.  If it came back, it would answer its parent's request a second time,
in the midst of the same connection, and go on to serve.  So the ways back are closed in the child,
after the fork, which costs the worker nothing: there it ends, whether its code returned, gave the
client something, raised, or called ``sys.exit()`` as forked processes do.
"""

import logging
import os
import signal
from collections.abc import Sequence
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

    def after_fork() -> None:
        # It must not act for the worker when it is told to end,
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGUSR1):
            signal.signal(each, signal.SIG_DFL)
        # nor keep an address in use when the server has ended.
        for listener in listeners:
            listener.socket.close()
        for kind, method, instead in WAYS_BACK:
            setattr(kind, method, instead)

    os.register_at_fork(after_in_child=after_fork)


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
