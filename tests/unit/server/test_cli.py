"""The command, as a person runs it: a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paceline
import pytest

APPLICATION = """
import os

def application(environ, start_response):
    body = os.environ.get("GREETING", "hello").encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

PACKAGE = Path(paceline.__file__).parents[1]
PATIENCE = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(APPLICATION)
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"PYTHONPATH": str(PACKAGE)} | variables


def paceline_(home: Path, *argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "paceline", *argv],
        cwd=home,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class TestInformation:
    def test_version(self, home: Path) -> None:
        ran = paceline_(home, "--version")
        assert (ran.returncode, ran.stdout) == (0, f"paceline {paceline.__version__}\n")

    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_help_fits_the_terminal(self, home: Path, flag: str) -> None:
        ran = paceline_(home, flag, COLUMNS="90")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith("usage: paceline APPLICATION [options]\n")
        assert max(map(len, ran.stdout.splitlines())) <= 100

    def test_print_config_needs_no_application(self, home: Path) -> None:
        ran = paceline_(home, "--print-config", "-w", "3")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "workers = 3  # --workers\n" in ran.stdout

    def test_print_config_with_an_application_checks_it(self, home: Path) -> None:
        assert paceline_(home, "--print-config", "shop").returncode == 0
        assert paceline_(home, "--print-config", "nothing").returncode == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("argv", "line"),
        [
            ([], "which application? Give its name, such as: paceline config.wsgi (see --help)"),
            (["shop", "-w", "two"], "--workers: 'two' is not a whole number"),
            (["shop", "--workers"], "argument -w/--workers: expected one argument"),
            (["shop", "--reload=yes"], "argument --reload: ignored explicit argument 'yes'"),
            (["shop", "--thread", "2"], "'--thread' is not understood; did you mean --threads?"),
            (["shop", "-k", "sync"], "--worker-class: 'sync' is not paceline's; the nearest is "),
            (["shop", "-D"], "--daemon: not in paceline: it stays in the foreground; "),
            (["shop", "-c", "none.py"], "--config: there is no file none.py"),
            (["shop", "--error-logfile", "no/x"], "cannot write the log no/x: No such file or "),
        ],
    )
    def test_one_line_and_status_2(self, home: Path, argv: list[str], line: str) -> None:
        ran = paceline_(home, *argv)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith(f"paceline: error: {line}")
        assert ran.stderr.count("\n") == 1

    def test_a_file_that_raises(self, home: Path) -> None:
        (home / "paceline.conf.py").write_text("workers = missing")
        ran = paceline_(home, "shop")
        assert ran.returncode == 2
        assert ran.stderr == (
            "paceline: error: ./paceline.conf.py: NameError: name 'missing' is not defined "
            "(paceline.conf.py, line 1)\n"
        )


class TestCheck:
    def test_all_is_well(self, home: Path) -> None:
        ran = paceline_(home, "shop", "--check-config")
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

    def test_the_application_may_be_named_in_the_file(self, home: Path) -> None:
        (home / "gunicorn.conf.py").write_text("wsgi_app = 'shop:application'")
        assert paceline_(home, "-c", "gunicorn.conf.py", "--check-config").returncode == 0

    def test_it_is_looked_for_where_it_would_be(self, home: Path) -> None:
        (home / "lib").mkdir()
        (home / "lib/inner.py").write_text(
            "import os\nassert os.environ['A'] == 'b'\nfrom shop import application"
        )
        argv = ("inner", "--check-config", "--pythonpath", "lib", "-e", "A=b")
        assert paceline_(home, *argv).returncode == 0
        away = home / "away"
        away.mkdir()
        ran = paceline_(away, "shop", "--check-config", "--chdir", str(home))
        assert ran.returncode == 0, ran.stderr

    @pytest.mark.parametrize("name", ["nothing", "shop:nothing", "shop:APPLICATION", "shop:"])
    def test_a_wrong_name_is_one_line(self, home: Path, name: str) -> None:
        if name == "shop:":
            (home / "shop.py").write_text("")
        ran = paceline_(home, name, "--check-config")
        assert ran.returncode == 1
        assert ran.stderr.startswith("paceline: error: ")
        assert ran.stderr.count("\n") == 1

    def test_an_application_that_fails_shows_its_traceback_first(self, home: Path) -> None:
        (home / "shop.py").write_text("def broken():\n    return 1 / 0\nbroken()")
        ran = paceline_(home, "shop", "--check-config")
        assert ran.returncode == 1
        assert "in broken" in ran.stderr
        assert ran.stderr.splitlines()[-1].startswith("paceline: error: ")
        assert "ZeroDivisionError" in ran.stderr.splitlines()[-1]

    def test_a_certificate_that_is_none(self, home: Path) -> None:
        (home / "a.pem").write_text("not a certificate")
        argv = ("shop", "--check-config", "--certfile", "a.pem", "--keyfile", "a.pem")
        ran = paceline_(home, *argv)
        assert ran.returncode == 2
        assert ran.stderr.startswith("paceline: error: --certfile 'a.pem'")
        assert ran.stderr.count("\n") == 1


@pytest.fixture
def server(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A server on a Unix socket, by gunicorn's words, with a file and variables too."""
    (home / "paceline.conf.py").write_text("raw_env = ['GREETING=good day']\nworkers = 7")
    argv = "shop -b unix:s.sock --access-logfile access.log --access-logformat json -w 1"
    process = subprocess.Popen(
        [sys.executable, "-m", "paceline", *argv.split()],
        cwd=home,
        env=environment(PACELINE_CMD_ARGS="--log-level warning", WEB_CONCURRENCY="9"),
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def get(path: Path, target: str) -> bytes:
    """The answer of a server that may still be starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            try:
                client.connect(str(path))
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
                continue
            client.sendall(
                f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            return client.makefile("rb").read()


def lines(path: Path, count: int) -> list[str]:
    """The lines of a log, once it has so many: a line is written after its answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = path.read_text().splitlines() if path.exists() else []
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def test_it_serves_logs_rotates_and_stops(server: subprocess.Popen[str], home: Path) -> None:
    assert get(home / "s.sock", "/first").endswith(b"\r\n\r\ngood day")
    access, moved = home / "access.log", home / "access.log.1"
    assert [json.loads(line)["path"] for line in lines(access, 1)] == ["/first"]
    access.rename(moved)
    server.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + PATIENCE
    while not access.exists() or access.stat().st_size == 0:
        assert get(home / "s.sock", "/second").startswith(b"HTTP/1.1 200 OK\r\n")
        assert time.monotonic() < deadline
    assert json.loads(lines(access, 1)[0])["path"] == "/second"
    server.send_signal(signal.SIGTERM)
    _, said = server.communicate(timeout=PATIENCE)
    assert (server.returncode, said) == (0, "")
