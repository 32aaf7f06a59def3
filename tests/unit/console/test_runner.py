"""What becomes of a bench whose console ends."""

import sys
from pathlib import Path

import pytest

from lab.console import runner
from lab.console.runner import Job, Runner
from tests.services.stack import eventually, is_alive

SLOW_TO_END = """
import pathlib, signal, sys, time
here = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: (here / "asked").touch())
(here / "pid").write_text(f"{__import__('os').getpid()}\\n")
while not (here / "removed").exists():
    time.sleep(0.01)
(here / "done").touch()
"""


@pytest.mark.parametrize("contained", [True, False])
def test_one_that_removes_containers_is_never_killed(
    contained: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "GRACE", 0.2)
    command = [sys.executable, "-c", SLOW_TO_END, str(tmp_path)]
    one = Runner()
    one.start()
    assert one.begin(Job("bench", command, contained=contained))
    pid = tmp_path / "pid"
    eventually(lambda: pid.exists() and pid.read_text().endswith("\n"))
    try:
        one.close()
        eventually((tmp_path / "asked").exists if contained else lambda: not one.state().running)
        assert is_alive(int(pid.read_text())) == contained
    finally:
        (tmp_path / "removed").touch()
    eventually(lambda: not is_alive(int(pid.read_text())))
    assert (tmp_path / "done").exists() == contained
