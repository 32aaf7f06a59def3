"""`python -m lab.serve` as a container or the stack runs it."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.serve import read_servers

CHOICES = ", ".join(read_servers())
LAB = Path(__file__).resolve().parents[3] / "lab"


def serve(
    folder: Path, module: str = "lab.serve", **words: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "bin" / "python", "-S", "-m", module],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **words},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """What a server's image holds of the lab, a few files and webapp/, and a bare Python."""
    for folder in ("bin", "lab", "webapp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    for name in ("serve.py", "servers.toml", "words.py"):
        shutil.copy(LAB / name, tmp_path / "lab")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"SERVER": "apache"}, f"SERVER=apache: unknown; choose one of {CHOICES}"),
        (
            {"APP": "rails"},
            "APP=rails: unknown; choose one of django, tiny, or by APP_PATH an existing folder",
        ),
        ({"LAB_TRACE": "some"}, "LAB_TRACE=some: unknown; choose one of all, sampled, off"),
        ({"BIND": "here"}, "BIND=here: is no address; write HOST:PORT or unix:/absolute/path"),
    ],
)
def test_a_bad_word_gets_one_line_and_exit_status_2(
    alone: Path, words: dict[str, str], message: str
):
    done = serve(alone, **words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"lab: {message}\n")


def test_the_words_alone_are_checked_as_by_lab_up(alone: Path):
    assert serve(alone, "lab.words").returncode == 0
    done = serve(alone, "lab.words", WORKERS="many")
    refusal = "lab: WORKERS=many: must be a whole number, 1 or more\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", refusal)


def test_a_server_that_is_not_installed_is_said_with_the_way_to_install_it(alone: Path):
    done = serve(alone, SERVER="gunicorn", PATH="/nowhere")
    assert done.returncode == 2
    assert done.stderr == (
        "lab: SERVER=gunicorn: gunicorn is not installed here: "
        f"{alone}/bin/python -m pip install --require-hashes -r requirements/gunicorn.txt\n"
    )


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        ({"LAB_TELEMETRY": "/t"}, "lab.tracing.application:application"),
        ({"LAB_TELEMETRY": "/t", "LAB_TRACE": "sampled"}, "lab.tracing.application:application"),
        ({"LAB_TELEMETRY": "/t", "LAB_TRACE": "off"}, "tiny.app:application"),
        ({"LAB_TELEMETRY": ""}, "tiny.app:application"),  # where nobody takes what is recorded
    ],
)
def test_what_is_traced_is_loaded_by_way_of_the_tracing(
    alone: Path, words: dict[str, str], loaded: str
):
    program = alone / "bin" / "paceline"
    program.write_text('#!/bin/sh\necho "$LAB_WSGI: $*"\n')
    program.chmod(0o755)
    done = serve(alone, APP="tiny", **words)
    assert done.stdout.startswith(f"tiny.app:application: {loaded} ")


def test_it_becomes_the_server_in_webapp(alone: Path):
    program = alone / "bin" / "paceline"
    program.write_text('#!/bin/sh\necho "$PWD: $*"\n')
    program.chmod(0o755)
    done = serve(alone, BIND="127.0.0.1:9000", WORKERS="2")
    arguments = "config.wsgi:application --bind 127.0.0.1:9000 --workers 2 -k adaptive"
    assert done.stdout.startswith(f"{alone / 'webapp'}: {arguments} ")
    assert done.stderr.startswith(f"lab: starting paceline {arguments} ")
    assert "--stats" not in done.stdout
    told = serve(alone, LAB_TELEMETRY="/tmp").stdout
    assert f" --stats unix:/tmp/stats-{socket.gethostname()}.sock\n" in told


@pytest.mark.parametrize("server", ["paceline", "gunicorn"])
def test_sockets_of_killed_servers_are_removed_and_no_others(
    alone: Path, tmp_path: Path, server: str
):
    telemetry = tmp_path / "telemetry"
    telemetry.mkdir()
    sockets = {}
    for name in ("stats-killed", "stats-new", "stats-alive", "otlp"):
        sockets[name] = socket.socket(socket.AF_UNIX)
        sockets[name].bind(str(telemetry / f"{name}.sock"))
        if name != "stats-new":
            os.utime(telemetry / f"{name}.sock", (0, 0))
    sockets["stats-alive"].listen()
    program = alone / "bin" / server
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)

    assert serve(alone, SERVER=server, LAB_TELEMETRY=str(telemetry)).returncode == 0
    left = sorted(path.stem for path in telemetry.iterdir())
    assert left == ["otlp", "stats-alive", "stats-new"]
    for each in sockets.values():
        each.close()
