"""Processes that belong together: real ones, real signals."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.stack.processes import Processes, StopRequested

UNTIL_TERM = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
DEAF = "trap '' TERM; echo up; while :; do sleep 0.05; done"


class Group:
    """Processes in a folder, and every line they said."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[tuple[str, str]] = []
        self.log = folder
        say = lambda name, line: self.lines.append((name, line))  # noqa: E731
        self.processes = Processes(folder, os.environ, folder, say)

    def start(self, name: str, script: str, **how: float) -> int:
        """Starts a shell script and waits for its first line."""
        process = self.processes.start(name, ["/bin/sh", "-c", script], **how)
        eventually(lambda: any(said == name for said, _ in self.lines))
        return process.popen.pid


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return Group(tmp_path)


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_line_has_a_name_and_stands_in_the_log(group: Group):
    with group.processes as processes:
        processes.run("prepare", ["/bin/sh", "-c", "echo one; echo two >&2; printf 'thr\\377e'"])
    assert group.lines == [("prepare", "one"), ("prepare", "two"), ("prepare", "thr\ufffde")]
    assert (group.log / "prepare.log").read_bytes() == b"one\ntwo\nthr\xffe"


def test_a_command_that_fails_is_an_error(group: Group):
    with (
        pytest.raises(LabError, match=r"prepare failed \(exit status 3\)"),
        group.processes as processes,
    ):
        processes.run("prepare", ["/bin/sh", "-c", "exit 3"])


def test_the_last_one_started_ends_first(group: Group):
    with group.processes:
        group.start("server", UNTIL_TERM)
        group.start("proxy", UNTIL_TERM)
    assert [name for name, line in group.lines if line == "bye"] == ["proxy", "server"]


def test_without_one_that_is_not_essential_the_others_go_on(group: Group):
    with group.processes as processes:
        other = group.start("server", UNTIL_TERM)
        group.start("console", "echo up; sleep 60 & echo $!; exit 3", essential=False)
        eventually(lambda: processes.watch(0.01) or "console" not in processes.pids)
        left_behind = int(group.lines[-2][1])
        eventually(lambda: not is_alive(left_behind))
        assert is_alive(other)
        assert group.lines[-1] == (
            "lab",
            "console ended by itself (exit status 3); the stack goes on without it; "
            f"its log: {group.log}/console.log",
        )


def test_one_that_ends_by_itself_is_noticed_and_takes_the_others_down(group: Group):
    with pytest.raises(LabError) as ended, group.processes as processes:
        other = group.start("server", UNTIL_TERM)
        group.start("proxy", "echo up; sleep 0.1; echo last words; exit 7")
        while True:
            processes.watch(10)
    assert "proxy ended by itself (exit status 7)" in str(ended.value)
    assert str(group.log / "proxy.log") in str(ended.value)
    assert ("proxy", "last words") in group.lines
    assert not is_alive(other)


def test_one_that_is_killed_is_noticed(group: Group):
    with (
        pytest.raises(LabError, match=r"server ended by itself \(killed by SIGKILL\)"),
        group.processes as processes,
    ):
        os.kill(group.start("server", UNTIL_TERM), signal.SIGKILL)
        while True:
            processes.watch(10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_them_all(group: Group, number: signal.Signals):
    before = signal.getsignal(number)
    with pytest.raises(StopRequested), group.processes as processes:
        group.start("server", UNTIL_TERM)
        os.kill(os.getpid(), number)
        while True:
            processes.watch(10)
    assert group.lines[-1] == ("server", "bye")
    assert signal.getsignal(number) is before


def test_a_signal_that_comes_while_nobody_waits_is_not_lost(group: Group):
    with pytest.raises(StopRequested), group.processes as processes:
        os.kill(os.getpid(), signal.SIGTERM)
        processes.watch(0)


def test_no_end_of_a_process_is_missed(group: Group):
    # A handler that ran just before the wait began was missed about once in 700.
    with group.processes as processes:
        for _ in range(500):
            processes.run("prepare", ["true"])


def test_one_that_does_not_end_in_time_is_killed(group: Group):
    with group.processes:
        pid = group.start("server", DEAF, grace=0.2)
    assert not is_alive(pid)
    assert ("lab", "server still runs: killed") in group.lines


def test_one_that_needs_long_is_not_killed_before_the_others_have_ended(group: Group):
    with group.processes:
        group.start("server", UNTIL_TERM)
        group.start("proxy", "trap '' TERM; echo up; sleep 0.6; echo delivered", grace=0.1)
    assert group.lines[-2:] == [("server", "bye"), ("proxy", "delivered")]


def test_ctrl_c_while_they_end_kills_what_is_left(group: Group):
    interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    with group.processes:
        pids = [group.start("server", DEAF, grace=60), group.start("proxy", DEAF, grace=60)]
        interrupt.start()
    interrupt.join()
    assert time.monotonic() - begun < 30
    assert not any(is_alive(pid) for pid in pids)


def test_what_a_process_leaves_behind_is_ended_too(group: Group):
    with group.processes:
        group.start("server", "sleep 600 & echo $!; " + UNTIL_TERM)
        left = int(group.lines[0][1])
        assert is_alive(left)
    # An orphan: init reaps it, some time after it is dead.
    eventually(lambda: not is_alive(left) or is_zombie(left))


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_when_the_lab_is_killed_they_get_term(tmp_path: Path):
    program = (
        "import os, sys; from pathlib import Path; from lab.stack.processes import Processes\n"
        "with Processes(Path(sys.argv[1]), os.environ, Path(sys.argv[1]), print) as processes:\n"
        "    print(processes.start('server', ['/bin/sh', '-c', sys.argv[2]]).popen.pid)\n"
        "    while not (Path(sys.argv[1]) / 'up').exists(): processes.watch(0.01)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    script = "trap 'echo > ended; exit 0' TERM; echo > up; while :; do sleep 0.05; done"
    os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", program, str(tmp_path), script])
    eventually((tmp_path / "ended").exists)
