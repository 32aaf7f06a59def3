"""What surrounds the workers: pid file, logs, users, hooks, and being PID 1."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from paceline.errors import ConfigError
from paceline.process.backoff import Backoff
from paceline.process.pidfile import PidFile
from paceline.process.privileges import check_user, exit_if_orphaned

from tests.unit.server.supervised import APPLICATION, Call, Server, alive, children, until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do it")


class TestPidFile:
    def test_it_is_there_as_long_as_the_server(self, tmp_path: Path) -> None:
        path = tmp_path / "server.pid"
        with Server(tmp_path, "--pid", "server.pid") as server:
            server.ready()
            assert int(path.read_text()) == server.pid
            server.signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert not path.exists()

    def test_a_second_server_is_refused(self, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        path = str(tmp_path / "server.pid")
        with Server(tmp_path, "--pid", path) as first:
            first.ready()
            with Server(other, "--pid", path) as second:
                assert second.exit_status() == 1
                assert f"belongs to process {first.pid}, which is running" in second.log
            assert int((tmp_path / "server.pid").read_text()) == first.pid

    def test_a_file_of_a_live_process_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "server.pid"
        path.write_text(f"{os.getppid()}\n")
        with pytest.raises(ConfigError, match=f"process {os.getppid()}, which is running"):
            PidFile(str(path)).write()
        assert path.read_text() == f"{os.getppid()}\n"

    @pytest.mark.parametrize("content", ["", "nonsense", "-1", "99999999999999999999"])
    def test_one_of_no_process_is_replaced(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "server.pid"
        path.write_text(content)
        PidFile(str(path)).write()
        assert int(path.read_text()) == os.getpid()

    def test_one_of_a_dead_process_is_replaced(self, tmp_path: Path) -> None:
        dead = subprocess.Popen(["true"])
        dead.wait()
        path = tmp_path / "server.pid"
        path.write_text(str(dead.pid))
        PidFile(str(path)).write()
        assert int(path.read_text()) == os.getpid()

    def test_another_process_s_file_is_not_removed(self, tmp_path: Path) -> None:
        path = tmp_path / "server.pid"
        file = PidFile(str(path))
        file.write()
        path.write_text("1\n")
        file.remove()
        assert path.exists()

    def test_a_link_that_lies_in_wait_is_not_followed(self, tmp_path: Path) -> None:
        mine, path = tmp_path / "mine", tmp_path / "pid"
        mine.write_text("precious")
        (tmp_path / f"pid.{os.getpid()}").symlink_to(mine)
        PidFile(str(path)).write()
        assert mine.read_text() == "precious"
        assert not path.is_symlink()
        assert path.read_text() == f"{os.getpid()}\n"

    def test_where_it_cannot_be_written_one_line_says_so(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--pid", "nowhere/server.pid") as server:
            assert server.exit_status() == 1
            assert "paceline: error: cannot write --pid" in server.log
            assert "Traceback" not in server.log


class TestPidOne:
    @needs_root
    @pytest.mark.parametrize("workers", [1, 2])
    def test_orphans_are_reaped_and_term_stops(self, tmp_path: Path, workers: int) -> None:
        namespace = ["unshare", "--pid", "--fork", "--kill-child"]
        if subprocess.run([*namespace, "true"], check=False).returncode:
            pytest.skip("unshare --pid is not allowed here")
        with Server(tmp_path, "-w", str(workers), before=namespace) as server:
            server.ready(workers)
            (server.pid,) = children(server.process.pid)
            assert server.get("/orphan").startswith("one")
            until(lambda: len(children(server.pid)) == workers + 1, "it has adopted the orphan")
            until(lambda: len(children(server.pid)) == workers, "it has reaped the orphan")
            server.signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert "ERROR" not in server.log


class TestUser:
    RIGHTS = """
import os

def refused(call, *arguments):
    try:
        getattr(os, call)(*arguments)
    except PermissionError:
        return f"{call} refused"
    return f"{call} was allowed"

def application(environ, start_response):
    ids = f"{os.getresuid()} {os.getresgid()} {os.getgroups()}"
    calls = [("setuid", 0), ("setgid", 4), ("setgroups", [4])]
    with open("/proc/self/status") as status:
        fields = dict(line.rstrip().split(":\\t", 1) for line in status)
    capabilities = " ".join(fields[name] for name in ("CapEff", "CapPrm", "CapInh"))
    start_response("200 OK", [])
    return ["\\n".join([ids, ", ".join(refused(*call) for call in calls), capabilities]).encode()]
"""
    SHOW = APPLICATION.replace(
        '{VERSION} {os.getpid()}"', '{os.getuid()} {os.getgid()} {os.getgroups()} {os.umask(0)}"'
    )

    @needs_root
    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            (["-u", "nobody"], (65534, 65534)),
            (["-u", "54321", "-g", "65432"], (54321, 65432)),
        ],
        ids=["name", "numbers"],
    )
    def test_nothing_of_root_is_left_and_nothing_comes_back(
        self, tmp_path: Path, options: list[str], ids: tuple[int, int]
    ) -> None:
        """Whatever groups root had: neither they nor saved ids nor capabilities remain."""
        tmp_path.chmod(0o777)
        become = "import os, sys; os.setgroups([0, 4, 27]); os.execv(sys.argv[1], sys.argv[1:])"
        before = (sys.executable, "-c", become)
        server = Server(tmp_path, *options, "--preload", application=self.RIGHTS, before=before)
        with server:
            uid, gid = ids
            assert server.ready().get().splitlines() == [
                f"{(uid,) * 3} {(gid,) * 3} {[gid]}",
                "setuid refused, setgid refused, setgroups refused",
                f"{0:016x} {0:016x} {0:016x}",
            ]

    @needs_root
    def test_a_number_without_a_name_does_not_keep_the_group_of_root(self, tmp_path: Path) -> None:
        with Server(tmp_path, "-u", "54321") as server:
            assert server.exit_status() == 1
            assert "--user 54321: there is no such user here to tell its group" in server.log

    @needs_root
    def test_workers_give_up_what_root_may(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        # Loaded before, since nobody may not be let in where the tests and Python are.
        options = ("-u", "65534", "-g", "65534", "-m", "027", "--preload")
        with Server(tmp_path, *options, application=self.SHOW) as server:
            assert server.ready().get() == f"65534 65534 [65534] {0o027}"
            # A change of user undoes what binds a worker to its supervisor's life.
            (worker,) = children(server.pid)
            Call.hanging(server)
            server.signal(signal.SIGKILL)
            until(lambda: not alive(worker), "the worker is gone")

    def test_others_cannot_change_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1234)
        monkeypatch.setattr(os, "getegid", lambda: 1234)
        check_user(None, None)
        check_user(1234, 1234)
        with pytest.raises(ConfigError, match="only root"):
            check_user(0, None)
        with pytest.raises(ConfigError, match="only root"):
            check_user(None, 0)


class TestLogs:
    def test_usr1_reopens_them_everywhere(self, tmp_path: Path) -> None:
        errors, accesses = tmp_path / "error.log", tmp_path / "access.log"
        logs = ("--error-logfile", "error.log", "--access-logfile", "access.log")
        with Server(tmp_path, *logs, "--pid", "server.pid", bind="unix:socket") as server:
            until(lambda: errors.exists() and "is ready" in errors.read_text(), "it is ready")
            for path in (errors, accesses):
                path.rename(path.with_suffix(".old"))
            server.signal(signal.SIGUSR1)
            until(errors.exists, "the supervisor has a new log")
            until(lambda: ask(tmp_path / "socket") and accesses.read_text(), "the worker too")
            server.signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert "stopping: " in errors.read_text()


def ask(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: client.recv(1000), b""))


class TestHooks:
    SETTINGS = """
import os

def note(name):
    with open("hooks", "a") as file:
        print(name, os.getpid(), file=file)

def on_starting(server): note("on_starting")
def nworkers_changed(server, new, old): note(f"nworkers_changed to {new} from {old}")
def when_ready(server): note("when_ready")
def pre_fork(server, worker): note("pre_fork")
def post_fork(server, worker): note("post_fork")
def worker_int(worker): note("worker_int")
def worker_exit(server, worker): note("worker_exit")
def child_exit(server, worker): raise RuntimeError("child_exit is broken")
def on_reload(server): note("on_reload")
def on_exit(server): note("on_exit")

def post_worker_init(worker):
    note("post_worker_init")
    inner = worker.wsgi
    def outer(environ, start_response):
        return [b"wrapped ", *inner(environ, lambda status, _: start_response(status, []))]
    worker.wsgi = outer
"""

    def test_each_is_called_when_and_where_it_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text(self.SETTINGS)
        with Server(tmp_path) as server:
            (worker,) = children(server.ready().pid)
            server.signal(signal.SIGTTIN)
            server.ready(2)
            server.signal(signal.SIGINT)
            assert server.exit_status() == 0
            notes = (tmp_path / "hooks").read_text().splitlines()
            by_supervisor, by_worker = (
                [note.rpartition(" ")[0] for note in notes if note.endswith(f" {pid}")]
                for pid in (server.pid, worker)
            )
            assert by_supervisor == [
                *("on_starting", "nworkers_changed to 1 from None", "when_ready", "pre_fork"),
                *("nworkers_changed to 2 from 1", "pre_fork", "on_exit"),
            ]
            assert by_worker == ["post_fork", "post_worker_init", "worker_int", "worker_exit"]
            assert server.log.count("RuntimeError: child_exit is broken") == 2

    def test_one_may_put_another_application_around_the_first(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text(self.SETTINGS)
        with Server(tmp_path, bind="unix:socket") as server:
            server.ready()
            assert b"wrapped one" in ask(tmp_path / "socket")

    def test_one_that_fails_in_a_new_worker_is_a_failed_start(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text("def post_fork(server, worker): 1 / 0\n")
        with Server(tmp_path) as server:
            assert server.exit_status() == 3
            assert "ZeroDivisionError" in server.log


class TestEnd:
    def test_exit_handlers_and_threads_of_the_application_get_their_turn(
        self, tmp_path: Path
    ) -> None:
        application = APPLICATION + (
            "import atexit, threading\n"
            "atexit.register(lambda: Path('handler').touch())\n"
            "def late():\n"
            "    threading.main_thread().join()\n"
            "    Path('thread').touch()\n"
            "threading.Thread(target=late).start()\n"
        )
        with Server(tmp_path, application=application) as server:
            server.ready().signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert (tmp_path / "handler").exists()
            assert (tmp_path / "thread").exists()

    def test_an_orphan_notices_without_the_kernel_s_help(self) -> None:
        child = os.fork()
        if not child:
            exit_if_orphaned(os.getppid())
            exit_if_orphaned(os.getpid())
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


class TestBackoff:
    def test_it_grows_with_early_deaths_and_forgets_them(self) -> None:
        backoff = Backoff()
        assert [backoff.delay(healthy=False) for _ in range(5)] == [0, 0.5, 1, 2, 4]
        assert max(backoff.delay(healthy=False) for _ in range(2000)) == 30
        assert backoff.delay(healthy=True) == 0
        assert backoff.delay(healthy=False) == 0
