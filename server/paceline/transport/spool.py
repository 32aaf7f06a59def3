"""HTTP through files: `--bind spool:DIR`.

A request is a file, and so is its answer.  A file is written beside its place and renamed into it,
so that it is there whole or not at all; that works on a file system that machines share, too, which
tells nobody of a new file: both sides look, less often the longer nothing comes.

    DIR/requests/<id>       what a client asks, put there by it
    DIR/work-<host>/<id>    the same while it is served, taken there by a server on that host
    DIR/answers/<id>        what the server answered, taken away by the client
    DIR/new/<id>            whatever is being written
"""

import errno
import os
import secrets
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path

from paceline.transport.fifo import ID

REQUESTS, ANSWERS, NEW = "requests", "answers", "new"
WORK = f"work-{socket.gethostname()}"
SIZE = 1 << 16
SOON, SELDOM = 0.001, 0.05  # seconds between two looks
KEPT = 3600.0  # seconds that an answer waits for its client
CUT_SHORT = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%s"
)
ENDED = b"The server ended while it served this request.\n"


class SpoolLink:
    """One request in the server: its file, and that of its answer."""

    def __init__(self, directory: Path, name: str) -> None:
        """Of a request in WORK.  Raises OSError."""
        self._directory, self._name = directory, name
        self._work = directory / WORK / name
        self._new = directory / NEW / name
        # Without waiting: a pipe may have taken its place since somebody looked.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        self._request = open(os.open(self._work, flags), "rb")  # noqa: SIM115
        try:
            if not stat.S_ISREG(os.fstat(self._request.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no file", str(self._work))
            self._answering = begin(self._new)
        except OSError:
            self._request.close()
            raise

    def receive(self) -> bytes:
        """Return some bytes; none at the end."""
        return self._request.read(SIZE)

    def send(self, data: bytes) -> None:
        """Add to the answer.  Raises OSError."""
        self._answering.write(data)

    def end(self) -> None:
        """Let the client have the answer."""
        self._answering.close()
        self._new.rename(self._directory / ANSWERS / self._name)
        self._work.unlink(missing_ok=True)

    def abort(self) -> None:
        """Nothing waits in here."""

    def close(self) -> None:
        """Give the files back; an answer that did not end is no answer."""
        self._request.close()
        self._answering.close()
        if self._work.exists():
            give_up(self._directory, self._name)


class Door:
    """Where requests come in."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for name in (REQUESTS, WORK, ANSWERS, NEW):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        self._closed = self._complained = False
        for path in (directory / NEW).iterdir():
            _remove_old(path)
        for path in (directory / WORK).iterdir():  # a server before this one has ended
            give_up(directory, path.name)

    def __iter__(self) -> Iterator[SpoolLink]:
        pause, tidied = SOON, 0.0
        while not self._closed:
            for name in self._waiting():
                if link := self._take(name):
                    pause = SOON
                    yield link
            time.sleep(pause)
            pause = min(pause * 1.2, SELDOM)
            if time.monotonic() > tidied + KEPT / 60:
                tidied = time.monotonic()
                _tidy(self._directory)

    def _waiting(self) -> list[str]:
        """Return what is in the folder of requests; nothing where it cannot be read for now."""
        try:
            names = sorted(os.listdir(self._directory / REQUESTS))
        except OSError as error:  # of a file system that is not there, such as another machine's
            if not self._complained:
                print(f"{error.filename}: {error.strerror}; trying again", file=sys.stderr)
            self._complained = True
            return []
        self._complained = False
        return names

    def _take(self, name: str) -> SpoolLink | None:
        """Claim a request; None where it is none, or another server was faster."""
        if not ID.fullmatch(name):
            return None
        request, work = self._directory / REQUESTS / name, self._directory / WORK / name
        try:
            if not stat.S_ISREG(request.lstat().st_mode):
                return None
            request.rename(work)
        except OSError:
            return None
        try:
            return SpoolLink(self._directory, name)
        except OSError:
            with suppress(OSError):  # no room, once more
                give_up(self._directory, name)
            return None

    def close(self) -> None:
        """Take no more."""
        self._closed = True


def put(directory: Path, place: str, name: str, data: bytes) -> None:
    """Write a file so that it is in its place whole, or not at all.  Raises OSError."""
    new = directory / NEW / name
    with begin(new) as file:
        file.write(data)
    new.rename(directory / place / name)


def begin(new: Path) -> BufferedWriter:
    """Open a file to be written, in place of what a crash has left there; follow no link.

    Raises OSError.
    """
    new.unlink(missing_ok=True)
    return open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")


def give_up(directory: Path, name: str) -> None:
    """Tell a client that there is no answer; its request may have been carried out all the same."""
    put(directory, ANSWERS, name, CUT_SHORT % (len(ENDED), ENDED))
    (directory / WORK / name).unlink(missing_ok=True)


def ask(directory: Path, request: bytes, patience: float = 60.0) -> bytes:
    """Send a request as a client, and return its answer.

    Raises OSError where nobody has made the directory, TimeoutError after ``patience`` seconds; the
    request is taken back then, if nobody has begun to serve it.
    """
    name = secrets.token_hex(16)
    answer, give_up, pause = directory / ANSWERS / name, time.monotonic() + patience, SOON
    put(directory, REQUESTS, name, request)
    while True:
        try:
            data = answer.read_bytes()
        except FileNotFoundError:
            if time.monotonic() > give_up:
                (directory / REQUESTS / name).unlink(missing_ok=True)
                raise TimeoutError(f"no answer in {directory} within {patience:g} s") from None
            time.sleep(pause)
            pause = min(pause * 1.2, SELDOM)
        else:
            answer.unlink()
            return data


def _tidy(directory: Path) -> None:
    with suppress(OSError):  # as above
        for path in (directory / ANSWERS).iterdir():
            _remove_old(path)


def _remove_old(path: Path) -> None:
    with suppress(OSError):  # it has gone, or is a folder that somebody has put there
        if time.time() - path.lstat().st_mtime > KEPT:
            path.unlink()
