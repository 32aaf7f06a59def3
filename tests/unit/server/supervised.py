"""A running server for the tests of its processes: `python -m paceline`, its log, its workers."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

SERVER = Path(__file__).resolve().parents[3] / "server"
DEADLINE = 20.0

# Each answer says which code gave it and in which process.  /wait holds a request in flight for
# as long as a test likes; the other paths hang or leave processes behind.
APPLICATION = """
import ctypes
import os
import subprocess
import time
from pathlib import Path

VERSION = "one"

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/wait":
        Path("waiting").touch()
        while not Path("go").exists():
            time.sleep(0.01)
    elif path == "/hang":
        time.sleep(1000)
    elif path == "/hang-with-the-gil":
        Path("hanging").touch()
        ctypes.PyDLL(None).sleep(1000)
    elif path == "/orphan":
        subprocess.run("sleep 0.5 &", shell=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{VERSION} {os.getpid()}".encode()]
"""

T = TypeVar("T")


def until(look: Callable[[], T], what: str) -> T:
    """Look again and again until what is seen is true, and return that; fail after a while."""
    deadline = time.monotonic() + DEADLINE
    while not (seen := look()):
        assert time.monotonic() < deadline, f"never came to pass: {what}"
        time.sleep(0.01)
    return seen


def alive(pid: int) -> bool:
    """Whether there is such a process, and not only its zombie."""
    return process(pid)[0] not in "XZ"


def process(pid: int) -> tuple[str, int]:
    """The state and the parent of a process; ("X", 0) when it is gone."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    return state, int(parent)


def children(pid: int) -> list[int]:
    """Its children, zombies among them."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [child for child in found if process(child)[1] == pid]


class Server:
    """Started in a directory of its own, in a process group of its own; stops at the end."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        application: str = APPLICATION,
        bind: str = "127.0.0.1:0",
        before: Sequence[str] = (),
    ) -> None:
        """`before` is a command that runs the server, such as unshare; `bind` may be empty."""
        self.directory = directory
        self.write("app.py", application)
        self._log = directory / "log"
        command = [*before, sys.executable, "-m", "paceline", "app"]
        command += ["-b", bind] if bind else []
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=directory,
                # No compiled files: one is not renewed for a change within the same second.
                env=os.environ | {"PYTHONPATH": str(SERVER), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.write("go", "")
            os.killpg(self.process.pid, signal.SIGCONT)
            self.signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def write(self, name: str, content: str) -> None:
        """Put a whole file into the server's directory at once."""
        new = self.directory / f"{name}.new"
        new.write_text(content)
        new.replace(self.directory / name)

    def signal(self, signum: signal.Signals) -> None:
        os.kill(self.pid, signum)

    def logged(self, pattern: str, times: int = 1) -> list[Any]:
        """Wait until the log has the pattern that often; what its groups matched."""

        def look() -> list[Any]:
            found = re.findall(pattern, self.log)
            assert self.process.poll() is None or len(found) >= times, self.log
            return found if len(found) >= times else []

        return until(look, f"{pattern!r} in the log\n{self.log}")

    def ready(self, workers: int = 1) -> Self:
        """Wait until that many workers have been ready since the start."""
        self.logged(r"worker \d+ is ready", workers)
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Where it has begun to listen last."""
        host, port = self.logged(r"listening on (\S+):(\d+)")[-1]
        return host, int(port)

    def get(self, path: str = "/") -> str:
        """The body of an answer, over a connection of its own; OSError if it is not whole."""
        request = f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        with socket.create_connection(self.address, DEADLINE) as client:
            client.sendall(request.encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 ") or f"ength: {len(body)}".encode() not in head:
            raise OSError(f"not a whole answer: {answer!r}")
        return body.decode()

    def serving(self) -> int:
        """The process id of a worker that has answered."""
        return int(self.get().split()[1])

    def exit_status(self) -> int:
        return self.process.wait(DEADLINE)


class Call:
    """A request that is made in a thread."""

    def __init__(self, server: Server, path: str) -> None:
        self.result: str | OSError | None = None
        self._thread = threading.Thread(target=self._run, args=(server, path), daemon=True)
        self._thread.start()

    def _run(self, server: Server, path: str) -> None:
        try:
            self.result = server.get(path)
        except OSError as error:
            self.result = error

    def end(self) -> str | OSError:
        self._thread.join(DEADLINE)
        assert self.result is not None, "no end of the request"
        return self.result

    @classmethod
    def hanging(cls, server: Server) -> Self:
        """A request after which nothing in the worker runs any more."""
        call = cls(server, "/hang-with-the-gil")
        until((server.directory / "hanging").exists, "the application hangs")
        return call

    @classmethod
    def in_flight(cls, server: Server) -> Self:
        """A request to /wait that has reached the application."""
        call = cls(server, "/wait")
        until((server.directory / "waiting").exists, "the application is waiting")
        return call
