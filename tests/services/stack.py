"""A stack as `lab up` starts it, for tests: free ports, its own folder, nothing left behind."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lab.stack.ports import free_ports

REPO = Path(__file__).resolve().parents[2]
LAB = [sys.executable, "-m", "lab"]


class Stack:
    """The words and folder of one stack, and the `lab` commands on it."""

    def __init__(self, var: Path, **words: str) -> None:
        self.var = var
        self.http, self.https, self.console = free_ports(3)
        self.environ = {
            **os.environ,
            "LAB_VAR": str(var),
            "HTTP_PORT": str(self.http),
            "HTTPS_PORT": str(self.https),
            "CONSOLE_PORT": str(self.console),
            "PYTHONUNBUFFERED": "1",
            **words,
        }
        self.lines: list[str] = []
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *error: object) -> None:
        """Stops what is left, in the foreground or not."""
        self.lab("down")
        for up in self._started:
            up.terminate()
            up.wait(60)

    def lab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a `lab` command to its end."""
        return subprocess.run(
            [*LAB, *arguments],
            cwd=REPO,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def start(self) -> subprocess.Popen[str]:
        """`lab up` in the foreground, once it answers."""
        up = self.begin()
        eventually(lambda: self.said(r"^lab +\| up: ") or up.poll() is not None)
        assert up.poll() is None, "\n".join(self.lines)
        return up

    def begin(self) -> subprocess.Popen[str]:
        """`lab up` in the foreground, from its beginning."""
        self.lines.clear()
        up = subprocess.Popen(
            [*LAB, "up"],
            cwd=REPO,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(up)
        threading.Thread(target=self._read, args=(up,), daemon=True).start()
        return up

    def _read(self, up: subprocess.Popen[str]) -> None:
        assert up.stdout is not None
        for line in up.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, pattern: str) -> bool:
        """Whether a line of `lab up` matches."""
        return any(re.search(pattern, line) for line in self.lines)

    def state(self) -> dict[str, object]:
        """What the stack says of itself."""
        found: dict[str, object] = json.loads((self.var / "run" / "stack.json").read_text())
        return found

    def pids(self) -> set[int]:
        """Every process of the stack, the lab's own among them."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            parents[int(stat.parent.name)] = int(fields[1])
        family = {int(str(self.state()["pid"]))}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return family

    def pid_of(self, name: str) -> int:
        """The pid of one of its processes."""
        pids = self.state()["pids"]
        assert isinstance(pids, dict)
        return int(pids[name])


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
