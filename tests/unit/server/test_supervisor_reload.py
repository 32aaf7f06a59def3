"""HUP and --reload: new code and new settings while the old ones serve."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.server.supervised import APPLICATION, Call, Server, children, until

NEW = APPLICATION.replace('"one"', '"two"')
BROKEN = APPLICATION + "\nraise RuntimeError('broken')\n"


@contextmanager
def load(server: Server) -> Iterator[list[str | OSError]]:
    """One request after another, each over its own connection, and how each ended."""
    results: list[str | OSError] = []
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            results.append(Call(server, "/").end())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield results
    finally:
        over.set()
        thread.join()


class TestHup:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_new_code_serves_and_no_connection_is_lost(self, tmp_path: Path, workers: int) -> None:
        with Server(tmp_path, "-w", str(workers)) as server:
            old = children(server.ready(workers).pid)
            in_flight = Call.in_flight(server)
            with load(server) as results:
                until(lambda: len(results) > 20, "old code answers")
                server.write("app.py", NEW)
                server.signal(signal.SIGHUP)
                server.logged("reloaded: ")
                seen = len(results)
                until(lambda: len(results) > seen + 20, "new code answers")
            failed = [result for result in results if isinstance(result, OSError)]
            assert not failed
            assert str(results[0]).startswith("one")
            until(lambda: server.get().startswith("two"), "new code answers alone")
            server.write("go", "")
            assert str(in_flight.end()).startswith("one")
            until(lambda: not set(old) & set(children(server.pid)), "the old workers end")

    def test_the_old_serve_until_the_new_are_ready(self, tmp_path: Path) -> None:
        with Server(tmp_path) as server:
            server.ready()
            slow = "import os, time\nwhile not os.path.exists('import'): time.sleep(0.01)\n"
            server.write("app.py", slow + NEW)
            server.signal(signal.SIGHUP)
            until(lambda: len(children(server.pid)) == 2, "the new worker is starting")
            assert server.get().startswith("one")
            server.write("import", "")
            until(lambda: server.get().startswith("two"), "new code answers")

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_broken_application_leaves_the_old_serving(
        self, tmp_path: Path, workers: int
    ) -> None:
        with Server(tmp_path, "-w", str(workers)) as server:
            old = children(server.ready(workers).pid)
            server.write("app.py", BROKEN)
            server.signal(signal.SIGHUP)
            server.logged("reload given up")
            assert server.log.count("Traceback") == 1
            assert server.get().startswith("one")
            assert sorted(children(server.pid)) == sorted(old)
            server.write("app.py", NEW)
            server.signal(signal.SIGHUP)
            until(lambda: server.get().startswith("two"), "new code answers")

    def test_a_worker_that_dies_after_a_failed_reload_is_still_replaced(
        self, tmp_path: Path
    ) -> None:
        with Server(tmp_path, "-w", "2") as server:
            server.ready(2)
            server.write("app.py", BROKEN)
            server.signal(signal.SIGHUP)
            server.logged("reload given up")
            os.kill(server.serving(), signal.SIGKILL)
            server.logged("has exited with status 3.*; the next starts in")
            assert server.get().startswith("one")
            server.write("app.py", NEW)
            server.ready(3)
            until(lambda: server.get().startswith("two"), "the replacement answers")

    def test_twice_in_a_row(self, tmp_path: Path) -> None:
        with Server(tmp_path) as server:
            server.ready()
            server.write("app.py", NEW)
            for _ in range(3):
                server.signal(signal.SIGHUP)
            until(lambda: server.get().startswith("two"), "new code answers")
            until(lambda: len(children(server.pid)) == 1, "one worker is left")
            assert server.get().startswith("two")


class TestSettings:
    def test_they_are_read_again(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text("workers = 1\n")
        with Server(tmp_path) as server:
            server.ready()
            server.write("paceline.conf.py", "workers = 3\n")
            server.signal(signal.SIGHUP)
            server.logged("reloaded: 3 workers")
            until(lambda: len(children(server.pid)) == 3, "the old one has ended")

    @pytest.mark.parametrize(
        "bad",
        [
            "workers = 'many'",
            "workers = (",
            "bind = '127.0.0.1:0', '192.0.2.1:1'",
            "bind = '127.0.0.1:0', 'a..b:80'",
            "raise SystemExit('no DATABASE_URL')",
            "errorlog = '\\ud800'",  # nothing that anybody has thought of
        ],
    )
    def test_bad_ones_change_nothing(self, tmp_path: Path, bad: str) -> None:
        (tmp_path / "paceline.conf.py").write_text("bind = '127.0.0.1:0'\n")
        with Server(tmp_path, bind="") as server:
            worker = server.ready().serving()
            server.write("paceline.conf.py", bad)
            server.signal(signal.SIGHUP)
            server.logged("not reloaded, the configuration of before stays: ")
            assert server.serving() == worker

    def test_addresses_come_and_go(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text("bind = '127.0.0.1:0'\n")
        with Server(tmp_path, bind="") as server:
            old = server.ready().address
            server.write("paceline.conf.py", "bind = '127.0.0.2:0'\n")
            server.signal(signal.SIGHUP)
            server.logged("reloaded: ")
            assert server.address[0] == "127.0.0.2"
            assert server.get().startswith("one")
            until(lambda: len(children(server.pid)) == 1, "the old worker has ended")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(old, 5)

    def test_what_a_failed_reload_bound_is_let_go(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text("bind = '127.0.0.1:0'\n")
        with Server(tmp_path, bind="") as server:
            server.ready()
            server.write("app.py", BROKEN)
            server.write("paceline.conf.py", "bind = '127.0.0.1:0', '127.0.0.2:0'\n")
            server.signal(signal.SIGHUP)
            server.logged("reload given up")
            assert server.address[0] == "127.0.0.2"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(server.address, 5)


class TestDevelopment:
    """--reload"""

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_change_is_served(self, tmp_path: Path, workers: int) -> None:
        with Server(tmp_path, "-w", str(workers), "--reload") as server:
            server.ready(workers)
            server.write("app.py", NEW)
            server.ready(2 * workers)
            until(lambda: server.get().startswith("two"), "new code answers")
            assert "ERROR" not in server.log

    def test_a_broken_application_waits_for_its_repair(self, tmp_path: Path) -> None:
        with Server(tmp_path, "-w", "2", "--reload", application=APPLICATION + "(") as server:
            server.logged("waiting for a change")
            server.write("app.py", NEW)
            assert server.ready(2).get().startswith("two")
            assert server.log.count("SyntaxError") == 2  # in the message and in the traceback

    def test_extra_files_count_too(self, tmp_path: Path) -> None:
        (tmp_path / "page.html").write_text("old")
        with Server(tmp_path, "--reload", "--reload-extra-file", "*.html") as server:
            server.ready()
            server.write("page.html", "new")
            server.logged("page.html has changed")
            server.ready(2)
