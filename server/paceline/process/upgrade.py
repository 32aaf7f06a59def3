"""USR2: another program in this one's place, such as a newer Python or paceline, while it serves.

The same command line is run again, and given the listening sockets, so that both serve; TERM to
the old one, once the new one is seen to be well, ends it when it has finished.  TERM to the new one
instead leaves everything as it was.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Mapping

from paceline.errors import ConfigError
from paceline.process.output import flush_output
from paceline.process.signals import all_blocked
from paceline.settings import activation
from paceline.transport import Listener, inherited
from paceline.transport.unix import UnixListener

SOCKETS = "PACELINE_SOCKETS"
"""Variable that tells the new process what it is given: JSON, the number of the process of before
and an object of descriptors by address."""

START = os.getcwd()  # before --chdir

log = logging.getLogger("paceline.error")


class Handover:
    """The sockets that this process was given, by whom, and to whom it gave its own."""

    def __init__(self) -> None:
        told = os.environ.pop(SOCKETS, "")  # not for applications
        self._predecessor: int  # which may have ended already, so it is not who is the parent now
        self._given: dict[str, int]
        self._predecessor, self._given = json.loads(told) if told else (0, {})
        self._successor = 0
        self._lent: list[Listener] = []  # given by one who still serves, and cleans up

    @property
    def follows(self) -> bool:
        """Tell whether the process of before still serves."""
        if self._predecessor and os.getppid() != self._predecessor:
            self._predecessor = 0
            for listener in self._lent if not self._successor else ():
                listener.take_back()
        return bool(self._predecessor)

    @property
    def shares(self) -> bool:
        """Tell whether another process serves the same sockets."""
        return self.follows or bool(self._successor and _lives(self._successor))

    def let_go(self) -> None:
        """Close what was given and nobody took: clients would wait there for ever."""
        for descriptor in self._given.values():
            os.close(descriptor)
        self._given.clear()

    def take(self, address: str, backlog: int) -> Listener | None:
        """Return the listener for an address, if it was given; ConfigError if it is none."""
        descriptor = self._given.pop(address, None)
        if descriptor is None:
            return None
        try:
            listener = inherited.adopt(descriptor, backlog)
        except OSError as error:
            raise ConfigError(f"{SOCKETS}: {address}: {error.strerror}") from None
        os.close(descriptor)
        listener.shared = address.startswith("fd://")
        if address.startswith("unix:"):
            listener = UnixListener(listener.socket, address.removeprefix("unix:"))
        if self.follows:
            listener.hand_on()
            self._lent.append(listener)
        return listener

    def start(self, listeners: Mapping[str, Listener]) -> int:
        """Start the new process; its number, or 0 where that cannot be.  Raises OSError."""
        if self.lost(listeners) or self._successor:
            return 0
        kept = [name for name, listener in listeners.items() if not listener.can_be_handed_on]
        if kept:
            log.error("USR2: %s cannot be handed on; nothing is started", ", ".join(kept))
            return 0
        flush_output()
        pid = os.getpid()
        with all_blocked() as mask:
            self._successor = os.fork()
            if not self._successor:
                _become(pid, listeners, mask)
        for listener in listeners.values():
            listener.hand_on()
        return self._successor

    def lost(self, listeners: Mapping[str, Listener]) -> bool:
        """Tell, once, that the new process has ended: this one has its sockets for itself again."""
        if not self._successor or _lives(self._successor):
            return False
        self._successor = 0
        for listener in listeners.values():
            listener.take_back()
        return True


def _become(
    predecessor: int, listeners: Mapping[str, Listener], mask: set[int | signal.Signals]
) -> None:
    """In the child: run the command line again, or end."""
    try:
        descriptors = {name: each.socket.fileno() for name, each in listeners.items()}
        environ = dict(os.environ)
        if passed := activation.passed(environ, predecessor):
            environ["LISTEN_PID"] = str(os.getpid())
        if environ.get("WATCHDOG_PID") == str(predecessor):  # else nobody would give signs of life
            environ["WATCHDOG_PID"] = str(os.getpid())
        for descriptor in [*descriptors.values(), *(each for _, each in passed)]:
            os.set_inheritable(descriptor, True)
        environ[SOCKETS] = json.dumps([predecessor, descriptors])
        os.chdir(START)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)
    except BaseException:
        log.critical("USR2: the new process could not begin", exc_info=True)
    finally:
        os._exit(1)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
