"""Ctrl-C at any moment of a `lab` command: no traceback, and what shells take for 130."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.stack.layout import Layout
from lab.stack.running import hold
from tests.services.stack import LAB, REPO


@pytest.mark.parametrize("module", ["click", "dotenv"])
def test_while_it_is_loaded(tmp_path: Path, module: str):
    # In the place of one of its imports: no clock could hit the moment.
    interrupt = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / f"{module}.py").write_text(interrupt)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [Path(sys.executable).with_name("lab"), "status"],
        cwd=REPO,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_while_it_works(tmp_path: Path):
    layout = Layout(tmp_path)
    layout.make()
    state = layout.run / "stack.json"
    os.mkfifo(state)
    environ = {**os.environ, "LAB_VAR": str(tmp_path)}
    with hold(layout):
        down = subprocess.Popen(
            [*LAB, "down"],
            cwd=REPO,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with state.open("w"):  # returns once it reads
            down.send_signal(signal.SIGINT)
            said = down.communicate(timeout=60)
    assert (down.returncode, *said) == (128 + signal.SIGINT, "", "")
