"""The supervisor, with real processes and real signals: start, death and stop."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.unit.server.supervised import APPLICATION, Call, Server, alive, children, until

one_and_two = pytest.mark.parametrize("workers", [1, 2])

BROKEN = APPLICATION + "\nraise RuntimeError('broken')\n"


class TestDeath:
    @one_and_two
    def test_a_killed_worker_is_replaced(self, tmp_path: Path, workers: int) -> None:
        with Server(tmp_path, "-w", str(workers)) as server:
            killed = server.ready(workers).serving()
            os.kill(killed, signal.SIGKILL)
            server.logged(f"worker {killed} was ended by SIGKILL")
            server.ready(workers + 1)
            assert server.serving() != killed
            assert len(children(server.pid)) == workers

    def test_a_worker_that_holds_the_gil_for_ever_is_replaced(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--timeout", "0.2") as server:
            call = Call.hanging(server.ready())
            server.logged(r"worker \d+ has made no progress for 0.2 s")
            server.ready(2)
            assert isinstance(call.end(), OSError)
            assert server.get().startswith("one")
            # Where it hung, as faulthandler writes it.
            assert 'app.py", line' in server.log

    def test_it_is_said_which_requests_it_was_at_when_it_last_could(self, tmp_path: Path) -> None:
        later = APPLICATION.replace(
            'elif path == "/hang":',
            'elif path == "/hang-later":\n        time.sleep(3)  # longer than between two notes\n'
            '        ctypes.PyDLL(None).sleep(1000)\n    elif path == "/hang":',
        )
        with Server(tmp_path, "--timeout", "0.5", application=later) as server:
            call = Call(server.ready(), "/hang-later?a=b")
            said = (
                r"was at GET /hang-later\?a=b HTTP/1.1, for [123]\.\d s, in \S+, when it last said"
            )
            server.logged(said)
            assert isinstance(call.end(), OSError)
            assert server.get("/").startswith("one")

    @pytest.mark.parametrize("by", ["somebody", "its supervisor, out of time"])
    def test_also_of_one_that_was_killed(self, tmp_path: Path, by: str) -> None:
        with Server(tmp_path, "-k", "pool", "--graceful-timeout", "0.2") as server:
            Call.in_flight(server.ready())
            (worker,) = children(server.pid)
            started = time.monotonic()
            until(lambda: time.monotonic() > started + 2.5, "two beats")
            if by == "somebody":
                os.kill(worker, signal.SIGKILL)
                server.logged(f"worker {worker} was ended by SIGKILL.+ memory")
            else:
                server.signal(signal.SIGTERM)
                assert server.exit_status() == 0
                server.logged(rf"worker {worker} was ended by SIGKILL\n")
            server.logged(rf"worker {worker} was at GET /wait HTTP/1.1, for .*, in pool-\d, when")

    @pytest.mark.parametrize("model", ["adaptive", "pool", "thread"])
    def test_one_that_is_aborted_says_what_its_threads_were_at(
        self, tmp_path: Path, model: str
    ) -> None:
        tells = APPLICATION.replace('"/hang":', '"/hang":\n        print("hangs", flush=True)')
        with Server(tmp_path, "-k", model, application=tells) as server:
            calls = [Call(server.ready(), f"/hang?{number}") for number in (1, 2)]
            server.logged("hangs", 2)
            (worker,) = children(server.pid)
            os.kill(worker, signal.SIGABRT)
            server.logged(f"worker {worker} has exited with status 1")
            for call in calls:
                assert isinstance(call.end(), OSError)
            told = re.findall(r"Was at GET /hang\?(.) HTTP/1.1, for \S+ s, in ", server.log)
            assert sorted(told) == ["1", "2"]
            assert "when it last said" not in server.log, "once is enough"

    def test_one_that_hangs_in_python_can_still_say_so(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text(
            "def worker_abort(worker): worker.log.error('abort hook')\n"
            "def worker_exit(server, worker): worker.log.error('exit hook')\n"
        )
        with Server(tmp_path, "-w", "2", "-k", "serial", "--timeout", "0.2") as server:
            call = Call(server.ready(2), "/hang")
            server.logged("Was at GET /hang HTTP/1.1(?s:.*)abort hook(?s:.*)exit hook")
            server.ready(3)
            assert isinstance(call.end(), OSError)

    def test_a_stopped_server_does_not_take_its_workers_for_hung(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--timeout", "0.2") as server:
            worker = server.ready().serving()
            os.killpg(server.pid, signal.SIGSTOP)
            time.sleep(1.8)  # longer than a worker may be silent
            server.signal(signal.SIGCONT)
            for turn in (1, 2):  # of the supervisor's loop, before the worker can give a sign
                server.signal(signal.SIGUSR1)
                server.logged("opened anew", turn)
            os.killpg(server.pid, signal.SIGCONT)
            assert server.serving() == worker
            server.signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert "no progress" not in server.log

    def test_after_max_requests_another_worker_goes_on(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--max-requests", "2") as server:
            first = server.ready().serving()
            until(lambda: server.serving() != first, "another one serves")
            assert "ERROR" not in server.log

    def test_which_is_ready_before_the_first_one_stops(self, tmp_path: Path) -> None:
        slow = APPLICATION + "\nif Path('served').exists():\n    time.sleep(1)\n"
        with Server(tmp_path, "--max-requests", "1", application=slow) as server:
            first = server.ready().serving()
            server.write("served", "")
            server.logged("goes on until another can")
            while "is ready" not in server.log.partition("goes on until")[2]:
                assert server.serving() == first
            server.logged(f"worker {first} is done")
            assert server.serving() != first

    def test_and_if_no_other_can_be_it_goes_on(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--max-requests", "1") as server:
            server.ready().write("app.py", BROKEN)
            first = server.serving()
            server.logged("exited with status 3")
            assert server.serving() == first
            server.write("app.py", APPLICATION)
            server.logged(f"worker {first} is done")
            assert server.get().startswith("one")

    def test_one_that_has_grown_too_large_is_replaced(self, tmp_path: Path) -> None:
        grows = APPLICATION.replace(
            'elif path == "/hang":',
            'elif path == "/grow":\n        global grown\n        grown = b"x" * (200 << 20)\n'
            '    elif path == "/hang":',
        )
        with Server(tmp_path, "--max-memory", "150M", application=grows) as server:
            first = server.ready().serving()
            assert server.get("/grow").startswith("one")
            server.logged(r"Has \d+ MiB of memory, past --max-memory")
            server.logged(f"worker {first} is done")
            assert server.serving() != first
            assert "ERROR" not in server.log

    def test_one_that_is_too_large_from_the_start_is_not(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--max-memory", "1M") as server:
            before = r"ERROR\] Has \d+ MiB of memory before its first request"
            server.ready().logged(before)
            server.signal(signal.SIGHUP)
            server.ready(2).logged(before, 2)
            server.logged(r"worker \d+ is done")
            assert "until another can serve" not in server.log
            assert len(re.findall(r"worker \d+ is ready", server.log)) == 2

    def test_and_does_not_wait_for_the_end_of_the_one_before(self, tmp_path: Path) -> None:
        with Server(tmp_path, "--max-requests", "1") as server:
            call = Call.in_flight(server.ready())
            server.ready(2)
            assert server.get().startswith("one")
            server.write("go", "")
            assert str(call.end()).startswith("one")

    def test_workers_do_not_outlive_their_supervisor(self, tmp_path: Path) -> None:
        with Server(tmp_path, "-w", "2") as server:
            workers = children(server.ready(2).pid)
            assert len(workers) == 2
            Call.hanging(server)
            server.signal(signal.SIGKILL)
            until(lambda: not any(map(alive, workers)), "the workers are gone")


class TestStop:
    @one_and_two
    def test_term_lets_requests_in_flight_end(self, tmp_path: Path, workers: int) -> None:
        with Server(tmp_path, "-w", str(workers)) as server:
            call = Call.in_flight(server.ready(workers))
            server.signal(signal.SIGTERM)
            server.logged("stopping: ")
            server.write("go", "")
            assert str(call.end()).startswith("one")
            assert server.exit_status() == 0

    @one_and_two
    def test_but_no_longer_than_the_graceful_timeout(self, tmp_path: Path, workers: int) -> None:
        with Server(tmp_path, "-w", str(workers), "--graceful-timeout", "0.5") as server:
            call = Call.in_flight(server.ready(workers))
            server.signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert isinstance(call.end(), OSError)

    def test_a_second_term_stops_at_once(self, tmp_path: Path) -> None:
        with Server(tmp_path) as server:
            call = Call.in_flight(server.ready())
            server.signal(signal.SIGTERM)
            server.logged("stopping: ")
            server.signal(signal.SIGTERM)
            started = time.monotonic()
            assert server.exit_status() == 0
            assert time.monotonic() - started < 10  # of the 30 that requests have
            assert isinstance(call.end(), OSError)

    @pytest.mark.parametrize("model", ["serial", "thread", "pool", "adaptive"])
    def test_control_c_stops_at_once_and_quietly(self, tmp_path: Path, model: str) -> None:
        with Server(tmp_path, "-w", "2", "-k", model) as server:
            call = Call.in_flight(server.ready(2))
            os.killpg(server.pid, signal.SIGINT)  # as a terminal sends it: to everyone
            assert server.exit_status() == 0
            assert isinstance(call.end(), OSError)
            assert "Traceback" not in server.log
            assert "Interrupt" not in server.log
            assert "killed" not in server.log

    def test_a_second_signal_does_not_run_exit_hooks_again(self, tmp_path: Path) -> None:
        (tmp_path / "paceline.conf.py").write_text(
            "import os\n"
            "def worker_exit(server, worker):\n"
            "    worker.log.error('exit hook')\n"
            "    os.kill(os.getpid(), 2)\n"
        )
        with Server(tmp_path) as server:
            server.ready().signal(signal.SIGINT)
            assert server.exit_status() == 0
            assert server.log.count("exit hook") == 1

    def test_term_while_workers_are_starting(self, tmp_path: Path) -> None:
        slow = APPLICATION + "\nPath('starting').touch()\ntime.sleep(1000)\n"
        with Server(tmp_path, application=slow) as server:
            until((tmp_path / "starting").exists, "the application is starting")
            server.signal(signal.SIGTERM)
            assert server.exit_status() == 0
            assert "killed" not in server.log


class TestNumber:
    def test_ttin_and_ttou_change_it(self, tmp_path: Path) -> None:
        with Server(tmp_path) as server:
            server.ready(1)
            server.signal(signal.SIGTTIN)
            server.ready(2)
            assert len(children(server.pid)) == 2
            server.signal(signal.SIGTTOU)
            until(lambda: len(children(server.pid)) == 1, "one worker is left")
            server.signal(signal.SIGTTOU)  # the last one stays
            # Of two signals sent at once, the later may be taken first; TTIN must not be.
            server.signal(signal.SIGUSR1)
            server.logged("opened anew")
            server.signal(signal.SIGTTIN)
            server.ready(3)
            assert len(children(server.pid)) == 2


class TestStart:
    @one_and_two
    @pytest.mark.parametrize("preload", [[], ["--preload"]])
    def test_a_broken_application_ends_it_with_one_traceback(
        self, tmp_path: Path, workers: int, preload: list[str]
    ) -> None:
        with Server(tmp_path, "-w", str(workers), *preload, application=BROKEN) as server:
            assert server.exit_status() == 3
            assert server.log.count("Traceback") == 1
            assert "RuntimeError: broken" in server.log

    def test_one_worker_goes_ahead(self, tmp_path: Path) -> None:
        waiting = (
            "import os\nprint('importing', flush=True)\nwhile not os.path.exists('go'): pass\n"
        )
        with Server(tmp_path, "-w", "3", application=waiting + APPLICATION) as server:
            server.logged("importing")
            assert len(children(server.pid)) == 1
            server.write("go", "")
            server.ready(3)

    def test_one_that_exits_while_it_is_imported_is_broken(self, tmp_path: Path) -> None:
        with Server(tmp_path, application="import sys\nsys.exit(0)\n") as server:
            assert server.exit_status() == 3
            assert "it called sys.exit(0)" in server.log

    def test_a_name_that_is_wrong_needs_no_traceback(self, tmp_path: Path) -> None:
        with Server(tmp_path, application="app = 5\n") as server:
            assert server.exit_status() == 3
            assert "app has no 'application'" in server.log
            assert "Traceback" not in server.log

    def test_a_worker_that_crashes_while_starting_is_tried_again(self, tmp_path: Path) -> None:
        crash = "import os\nif not os.path.exists('go'): os.kill(os.getpid(), 9)\n"
        with Server(tmp_path, application=crash + APPLICATION) as server:
            server.logged(r"SIGKILL.*; the next starts in 0.5 s")
            started = time.monotonic()
            server.logged(r"SIGKILL.*; the next starts in 1 s")
            assert time.monotonic() - started > 0.4
            server.write("go", "")
            assert server.ready().get().startswith("one")

    def test_a_taken_port_is_said_in_one_line(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with Server(tmp_path, "-b", address) as server:
                assert server.exit_status() == 1
                (line,) = [line for line in server.log.splitlines() if "listening" not in line]
                assert line.startswith(f"paceline: error: cannot listen on {address}: ")

    def test_workers_of_a_preloaded_application_draw_different_random_numbers(
        self, tmp_path: Path
    ) -> None:
        application = APPLICATION.replace('{VERSION}"', "{random.random()}").replace(
            'f"{VERSION} {os.getpid()}"', 'f"{random.random()} {os.getpid()}"'
        )
        with Server(
            tmp_path, "-w", "2", "--preload", application="import random\n" + application
        ) as server:
            server.ready(2)
            seen: dict[str, str] = {}
            until(lambda: len(ask(server, seen)) == 2, "both have answered")
            first, second = seen.values()
            assert first != second


def ask(server: Server, seen: dict[str, str]) -> dict[str, str]:
    """Note the first answer of each worker."""
    answer, pid = server.get().split()
    seen.setdefault(pid, answer)
    return seen
