"""Counting by valgrind's callgrind, which is told when to begin and when to end."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.stack.layout import REPO

PATIENCE = 300.0
"""Seconds that a tool may take; Python starts five times slower under it."""


class NoValgrindError(Exception):
    """It is not there, or may not work here."""


def count(workload: str, requests: int, environ: Mapping[str, str]) -> int:
    """Return the instructions of that many requests.  Raises NoValgrindError."""
    if not shutil.which("valgrind") or not shutil.which("callgrind_control"):
        raise NoValgrindError("there is no valgrind here (Debian: apt-get install valgrind)")
    with TemporaryDirectory(prefix="lab-callgrind-") as folder:
        program = subprocess.Popen(
            [
                *("valgrind", "--tool=callgrind", "--instr-atstart=no"),
                f"--callgrind-out-file={folder}/out",
                *(sys.executable, "-m", "tests.instructions.counted", workload, str(requests)),
            ],
            cwd=REPO,
            # Without hashes of its own a process would go other ways through its dictionaries.
            env={**environ, "PYTHONPATH": _path(), "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(Path(folder) / "err").open("wb"),
        )
        try:
            _await(program, b"ready\n", folder)
            _switch(program.pid, "on")
            _go_on(program)
            _await(program, b"done\n", folder)
            _switch(program.pid, "off")
            program.communicate(b"\n", PATIENCE)
        finally:
            program.kill()
            program.wait()
        return _collected(folder)


def _path() -> str:
    return ":".join(str(REPO / each) for each in ("", "server", "webapp"))


def _await(program: subprocess.Popen[bytes], word: bytes, folder: str) -> None:
    assert program.stdout is not None
    if program.stdout.readline() != word:
        program.wait()
        raise NoValgrindError(f"it failed under valgrind:\n{(Path(folder) / 'err').read_text()}")


def _go_on(program: subprocess.Popen[bytes]) -> None:
    assert program.stdin is not None
    program.stdin.write(b"\n")
    program.stdin.flush()


def _switch(pid: int, to: str) -> None:
    """Begin or end the counting, while the program waits for us."""
    done = subprocess.run(
        ["callgrind_control", "-i", to, str(pid)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode or "OK" not in done.stdout:
        raise NoValgrindError(f"callgrind_control cannot reach it: {done.stdout}{done.stderr}")


def _collected(folder: str) -> int:
    said = (Path(folder) / "err").read_text()
    found = re.search(r"Collected : (\d+)", said)
    if not found:
        raise NoValgrindError(f"valgrind said nothing of what it counted:\n{said}")
    return int(found[1])
