"""A file that lines are appended to by several threads and processes at once.

A line is one write to a descriptor opened with O_APPEND, so lines never mix, and no lock is
needed.  (A pipe mixes lines longer than PIPE_BUF, 4096 bytes on Linux.)

Reopening puts the new file under the old descriptor's number with dup2, which is atomic: other
threads write on meanwhile, and a number given to ``faulthandler`` stays good.
"""

import logging
import os
import stat

from paceline.errors import ConfigError

STANDARD = "-"


class LogFile:
    """Where one kind of log goes; ``-`` is the standard stream ``standard`` (1 or 2)."""

    def __init__(self, standard: int) -> None:
        self._standard = standard
        self._fd = -1
        self._failing = False
        self._owner: tuple[int | None, int | None] = None, None
        self.path = ""

    def open(self, path: str, user: int | None = None, group: int | None = None) -> None:
        """Write to ``path`` from now on; raises ConfigError and leaves all as it was.

        Root gives the file to ``user`` and ``group``, so that workers can reopen it.
        """
        try:
            fresh = _descriptor(path, self._standard, user, group)
        except OSError as error:
            raise ConfigError(f"cannot write the log {path}: {error.strerror}") from None
        if self._fd < 0:
            self._fd = fresh
        else:
            os.dup2(fresh, self._fd, inheritable=False)
            os.close(fresh)
        self.path = path
        self._owner = user, group

    def reopen(self) -> None:
        """Open the same path anew, after a log rotation has moved the file away."""
        if self.path and self.path != STANDARD:
            self.open(self.path, *self._owner)

    def fileno(self) -> int:
        """A number that stays the same when the file is reopened; -1 before it is opened."""
        return self._fd

    def write(self, line: str) -> None:
        """Append ``line`` and a line end.  A log that fails must not break an answer: it says so
        once in the error log, and its lines are lost until it works again."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            if not self._failing:
                self._failing = True
                logging.getLogger("paceline.error").error("log %s: %s", self.path, error.strerror)
        else:
            self._failing = False


def _descriptor(path: str, standard: int, user: int | None, group: int | None) -> int:
    if path == STANDARD:
        return os.dup(standard)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
    fd = os.open(path, flags, 0o644)
    if os.geteuid() == 0 and _is_itself(fd, path):
        os.fchown(fd, -1 if user is None else user, -1 if group is None else group)
    return fd


def _is_itself(fd: int, path: str) -> bool:
    """Tell whether a path is this regular file's only name.

    Where it is a link, somebody who may write in the folder could be given any file of root's.
    """
    opened = os.fstat(fd)
    is_only_name = stat.S_ISREG(opened.st_mode) and opened.st_nlink == 1
    return is_only_name and os.path.samestat(opened, os.lstat(path))


ACCESS = LogFile(standard=1)
ERROR = LogFile(standard=2)
