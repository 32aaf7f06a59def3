"""Transports that no poller knows: pipes, files, shared memory.  See bridge.py."""

import errno
import logging
import os
import select
import socket
import stat
import subprocess
import sys
import tempfile
import time
from math import inf
from pathlib import Path

from paceline.transport import unix
from paceline.transport.unix import UnixListener

KINDS = {"pipe": "pipe", "spool": "spool", "shm": "shared_memory"}
"""What an address begins with, and the module that serves it."""
MEMORY = Path("/dev/shm")  # nosec B108
PAUSE = 1.0  # seconds at least between two bridges

log = logging.getLogger("paceline.error")


class BridgedListener(UnixListener):
    """Accepts those whom a bridge brings, and ends the bridge when it is closed."""

    can_be_handed_on = False

    def __init__(self, kind: str, place: str, user: int | None, group: int | None) -> None:
        """Listen.  Raises OSError: EADDRINUSE where another server does."""
        self.directory = directory(kind, place)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_root = os.geteuid() == 0
        if is_root or kind == "shm":
            _require_ours(self.directory, user)
        if is_root:
            os.chown(self.directory, -1 if user is None else user, -1 if group is None else group)
        path = str(self.directory / f"socket-{socket.gethostname()}")
        listening = unix.listen(path, backlog=1024, umask=0o077)
        super().__init__(listening.socket, path)
        self.address = f"{kind}:{place}"
        if is_root and user is not None:
            os.chown(path, user, -1 if group is None else group)
        self._user, self._group = (user, group) if is_root else (None, None)
        self._again_at = 0.0  # when another bridge may be started
        self._bridge = self._start(kind)
        assert self._bridge.stdout
        said = self._bridge.stdout.readline().decode(errors="replace").strip()
        if said != "ready":
            self.close()
            raise OSError(errno.EIO, said or "its process ended at once")

    def _start(self, kind: str) -> "subprocess.Popen[bytes]":
        module = f"{__package__}.bridge"
        self._again_at = time.monotonic() + PAUSE
        return subprocess.Popen(
            [sys.executable, "-m", module, KINDS[kind], self.directory, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=self._user,
            group=self._group,
            extra_groups=[] if self._user else None,  # none of root's
        )

    def mend(self) -> float:
        """See the base: a bridge that has ended is followed by another."""
        assert self._bridge.stdout
        looking = select.poll()
        looking.register(self._bridge.stdout, 0)  # its end is told all the same
        if not looking.poll(0):
            return inf
        if time.monotonic() < self._again_at:
            return self._again_at
        said = self._bridge.stdout.read().decode(errors="replace").strip()
        why = "" if said in ("", "ready") else f" ({said})"
        try:
            another = self._start(self.address.partition(":")[0])
        except OSError as error:
            reason = error.strerror
            log.error("%s: the bridge has ended, another cannot start: %s", self.address, reason)
            return self._again_at
        log.error("%s: the bridge has ended%s; another is started", self.address, why)
        self._let_go()
        self._bridge = another
        return inf

    def _let_go(self) -> None:
        assert self._bridge.stdin and self._bridge.stdout
        self._bridge.stdin.close()
        self._bridge.stdout.close()
        self._bridge.returncode = 0  # whoever waits for all children is told how it ended

    def close(self) -> None:
        """Stop listening; the bridge ends when the last worker does, which has its pipe too."""
        super().close()
        if os.getpid() == self._owner:
            self._let_go()


def _require_ours(place: Path, user: int | None) -> None:
    """Raise OSError for a folder that somebody else made, or a link that leads to any of root's."""
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), user):
        raise OSError(errno.EPERM, "it is a link, or belongs to another user", str(place))


def directory(kind: str, place: str) -> Path:
    """Return where a server and its clients meet."""
    if kind != "shm":
        return Path(place)
    return (MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())) / f"paceline-{place}"
