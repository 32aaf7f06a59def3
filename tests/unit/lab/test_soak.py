"""The soak sees what it is for: an application that keeps more and more."""

import re
import subprocess
import sys
from pathlib import Path

from lab.soak.held import ALLOWED, REQUESTS, Held, Rest, complaints
from lab.stack.layout import REPO

KEEPING = """
import os, threading
from lab.soak.app import application as whole

kept = []

def application(environ, start_response):
    kept.append(bytearray(20_000))
    if len(kept) % 100 == 0:
        os.dup(0)
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return whole(environ, start_response)
"""
WRONG = """
from lab.soak.app import application as whole

def application(environ, start_response):
    return whole(environ, start_response) if environ["PATH_INFO"] != "/json" else 1 / 0
"""


def soak(folder: Path, application: str) -> subprocess.CompletedProcess[str]:
    """A few seconds of it; the pool has the same threads in each rest."""
    words = ["--minutes", "0", "--load", "0.3", "--settle", "0.3", "--model", "pool"]
    words += ["--application", application, "--folder", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "lab.soak", *words],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_server_alone_is_flat():
    done = soak(REPO, "lab.soak.app:application")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("flat\n")
    assert len(done.stdout.splitlines()) == 8, "a line for each rest, as it comes"


def test_it_notices_what_an_application_keeps(tmp_path: Path):
    (tmp_path / "keeping.py").write_text(KEEPING)
    done = soak(tmp_path, "keeping:application")
    assert done.returncode == 1, done.stdout + done.stderr
    for what in (r"memory grew by \d+\.\d MiB", r"\d+ descriptors became", r"\d+ threads became"):
        assert re.search(f"not flat: {what}", done.stdout), done.stdout


def test_it_notices_wrong_answers(tmp_path: Path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = soak(tmp_path, "wrong:application")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Error: wrong answers: " in done.stderr


def rests(*memory: int, each: int = REQUESTS) -> list[Rest]:
    return [Rest(each * at, Held(held, 10, 3, frozenset({1, 2}))) for at, held in enumerate(memory)]


def test_memory_may_grow_by_what_is_allowed_and_no_more():
    assert complaints(rests(0, ALLOWED, 2 * ALLOWED)) == []
    (found,) = complaints(rests(0, 2 * ALLOWED, 4 * ALLOWED))
    assert found == "memory grew by 4.0 MiB in 200,000 requests"


def test_memory_that_comes_and_goes_is_flat():
    assert complaints(rests(9 * ALLOWED, 8 * ALLOWED, 9 * ALLOWED, 8 * ALLOWED)) == []


def test_a_process_that_was_replaced_is_a_complaint():
    first, last = rests(0, 0)
    held = Held(0, 10, 3, frozenset({1, 3}))
    assert complaints([first, Rest(last.requests, held)]) == ["processes came or went"]
