"""One stack for each var/, known by a lock that ends with it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab import typed
from lab.errors import LabError
from lab.stack.layout import REPO, Layout
from lab.stack.running import Running, find, hold, is_up, read
from lab.words import Words

STACK = Running(os.getpid(), "gunicorn with tiny", 8080, 8443, "127.0.0.1:9000", {"server": 1})


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.make()
    return made


def test_a_stack_is_up_while_it_is_held(layout: Layout):
    assert not is_up(layout)
    with hold(layout):
        assert is_up(layout)
    assert not is_up(layout)


def test_what_it_says_of_itself_goes_with_it(layout: Layout):
    assert read(layout) is None
    with hold(layout):
        STACK.save(layout)
        assert read(layout) == STACK
    assert read(layout) is None


def test_a_second_one_is_refused_with_what_is_up_and_what_to_do(layout: Layout):
    with hold(layout):
        STACK.save(layout)
        with pytest.raises(LabError) as refused, hold(layout):
            pass
        assert is_up(layout)
        assert read(layout) == STACK
    stop = typed.how_to_stop(layout.words)
    assert f"LAB_VAR={layout.var}" in stop
    for part in ("gunicorn with tiny", "port 8080", f"pid {os.getpid()}", stop, "CONSOLE_PORT"):
        assert part in str(refused.value)


def test_a_stack_in_the_usual_folder_is_stopped_without_naming_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(REPO)
    assert typed.how_to_stop(Layout.from_environ({}).words) == "`make down` stops it"


def test_a_folder_that_cannot_be_is_refused_with_what_to_set(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match=r"file/data: Not a directory; set LAB_VAR to a folder"):
        Layout(tmp_path / "file").make()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_refused(layout: Layout):
    layout.run.chmod(0o500)
    with pytest.raises(LabError, match="run: cannot be written to; set LAB_VAR to a folder"):
        layout.make()
    layout.run.chmod(0o700)


def test_of_its_words_it_keeps_what_was_given_and_no_password():
    given = {"SERVER": "gunicorn", "HTTP_PORT": "9090", "THREADS": "", "APP": "django"}
    words = Words.read({**given, "DATABASE_URL": "postgres://me:s3cret@db/lab", "PATH": "/bin"})
    assert Running.starting(words, "127.0.0.1:9000").words == {
        "SERVER": "gunicorn",
        "HTTP_PORT": "9090",
        "DATABASE_URL": "postgres://me:***@db/lab",
    }


def test_a_stack_that_was_killed_is_not_up(layout: Layout):
    program = (
        "import sys; from pathlib import Path; from lab.stack.layout import Layout\n"
        "from lab.stack.running import hold\n"
        "with hold(Layout(Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(layout.var)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert is_up(layout)
        other.kill()
        other.wait()
        assert not is_up(layout)


def test_one_that_has_only_just_begun_is_waited_for(layout: Layout):
    assert find(layout) is None
    with hold(layout):
        soon = threading.Timer(0.2, STACK.save, (layout,))
        soon.start()
        assert find(layout) == STACK
        soon.join()


def test_asking_whether_one_is_up_keeps_none_from_starting(layout: Layout):
    asking = threading.Event()

    def ask() -> None:
        while not asking.is_set():
            is_up(layout)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(200):
            with hold(layout):
                pass
    finally:
        asking.set()
        thread.join()


def test_addresses_of_a_unix_socket_can_be_pasted_into_a_shell(layout: Layout):
    state = Running(1, "", 8080, 8443, "unix:/run/server.sock")
    assert state.addresses[-1][0] == "curl --unix-socket /run/server.sock http://localhost/"
