"""Sockets that were bound before the server began, as systemd passes them."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.unit.server.supervised import SERVER, Server, until

README = SERVER / "README.md"

# Binds a socket for each name, puts them on descriptors from 3 on and becomes another program, as
# systemd does: with the process id that LISTEN_PID tells.
LAUNCHER = """
import os, socket, sys
names, *command = sys.argv[1:]
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names.split(":")]
high = [os.dup2(each.fileno(), 50 + at) for at, each in enumerate(sockets)]
for at, descriptor in enumerate(high):
    os.dup2(descriptor, 3 + at)
    os.close(descriptor)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high))}
os.environ["LISTEN_FDNAMES"] = names
os.execv(command[0], command)
"""

OPEN = """
import os, subprocess, sys

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    program = "import os; print([os.path.exists(f'/proc/self/fd/{n}') for n in (3, 4)])"
    command = [sys.executable, "-c", program]
    seen = subprocess.run(command, capture_output=True, close_fds=False)
    return [seen.stdout or seen.stderr]
"""


def launched(names: str) -> tuple[str, ...]:
    return (sys.executable, "-c", LAUNCHER, names)


def listening(server: Server) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = server.logged(r"listening on (\S+):(\d+)")
    return found


def test_all_are_listened_on_where_nothing_else_is_said(tmp_path: Path) -> None:
    with Server(tmp_path, bind="", before=launched("web:api")) as server:
        server.ready()
        places = listening(server)
        assert len(places) == 2
        for host, port in places:
            with urllib.request.urlopen(f"http://{host}:{port}/") as answer:
                assert answer.read().startswith(b"one")
        server.signal(signal.SIGHUP)  # which listens on them all the same
        server.logged("reloaded: ")
        assert server.get().startswith("one")


def test_one_is_chosen_by_its_name(tmp_path: Path) -> None:
    with Server(tmp_path, bind="systemd:api", before=launched("web:api")) as server:
        server.ready()
        assert len(listening(server)) == 1
        assert server.get().startswith("one")


def test_a_name_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    with Server(tmp_path, bind="systemd:wbe", before=launched("web:api")) as server:
        assert server.exit_status() == 2
        assert "systemd:wbe: there is no such socket; systemd has passed 'web', 'api'" in server.log


def test_an_address_of_its_own_wins_and_is_warned_of(tmp_path: Path) -> None:
    with Server(tmp_path, before=launched("web")) as server:
        server.ready()
        assert len(listening(server)) == 1
        assert "nobody answers on the sockets that systemd has passed" in server.log
        assert server.get().startswith("one")


def test_what_was_passed_to_another_process_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    with Server(tmp_path, bind="systemd:") as server:
        assert server.exit_status() == 2
        assert "systemd has passed none: is there a socket unit?" in server.log


def test_programs_of_the_application_do_not_have_them(tmp_path: Path) -> None:
    with Server(tmp_path, bind="", before=launched("web:api"), application=OPEN) as server:
        assert server.ready().get() == "[False, False]\n"


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd")
def test_systemds_own_tool_starts_it_at_the_first_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # It hands on a bare environment but for what it is told to keep.
    keep = ("-E", "PYTHONPATH", "-E", "PATH")
    before = ("systemd-socket-activate", "-l", f"127.0.0.1:{port}", *keep)
    with Server(tmp_path, bind="", before=before) as server:
        until(lambda: "Listening on" in server.log, "it listens")
        assert "is ready" not in server.log
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.read().startswith(b"one")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_the_units_of_the_readme_are_what_systemd_takes(tmp_path: Path) -> None:
    section = README.read_text().partition("## Under systemd")[2].partition("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ") or not line]
    units = re.split(r"# /etc/systemd/system/(\S+)\n", "\n".join(lines))
    paths = [tmp_path / name for name in units[1::2]]
    assert [path.suffix for path in paths] == [".socket", ".service"]
    for path, text in zip(paths, units[2::2], strict=True):
        path.write_text(text.replace("/srv/shop/venv/bin/paceline", sys.executable))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
