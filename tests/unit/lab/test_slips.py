"""A name that nearly is a word, in .env or behind `make up`, is refused instead of ignored."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.environment import OTHERS, environment, read_file, refuse_slips
from lab.project.local import given
from lab.serve import WordError
from lab.stack.ports import free_port
from lab.words import WORDS
from tests.services.stack import LAB, REPO


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("SERVRE", "SERVER"),
        ("WORKER", "WORKERS"),
        ("http_prt", "HTTP_PORT"),
        ("server", "SERVER"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
    ],
)
def test_a_slip_is_refused_with_the_word_that_was_meant(slip: str, meant: str):
    with pytest.raises(WordError) as refused:
        refuse_slips(["WORKERS", slip])
    assert str(refused.value) == f"{slip}: no such word; did you mean {meant}?"


def test_names_of_others_pass():
    # Of Docker, of shells, of the servers and the application, all of which read .env too.
    refuse_slips(
        """COMPOSE_PROFILES COMPOSE_PROFILE DOCKER_HOST HTTP_PROXY HTTPS_PROXY NO_PROXY PATH PORT
        PGPASSWORD PYTHONPATH DEBUG DATA_DIR WEB_CONCURRENCY GUNICORN_CMD_ARGS""".split()
    )


def test_the_words_themselves_pass():
    example = (REPO / ".env.example").read_text()
    shown = re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)
    refuse_slips([*shown, "LAB_VAR", "PYTHON", "VENV"])
    words = {word.name for word in WORDS} | OTHERS
    assert {name for name in shown if not name.startswith("COMPOSE_")} <= words


def run(command: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A repository with a lab and a .env of its own, which is not the developer's."""
    shutil.copytree(REPO / "lab", tmp_path / "lab")
    (tmp_path / ".env").write_text("APP=tiny\nSERVRE=gunicorn\n")
    return tmp_path


def test_lab_up_refuses_a_slip_in_dotenv_before_anything_else(elsewhere: Path):
    refused = run([*LAB, "up"], elsewhere)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "lab: SERVRE: no such word; did you mean SERVER?\n"
    assert not (elsewhere / "var").exists()


def test_a_slip_keeps_nobody_from_stopping_the_stack(elsewhere: Path):
    down = run([*LAB, "down"], elsewhere, CONSOLE_PORT=str(free_port()))
    assert down.stdout == "nothing is up\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_up_refuses_a_slip_behind_it(tmp_path: Path):
    (tmp_path / "Makefile").write_text(f"up:\n\t@exec '{sys.executable}' -m lab up\n")
    words = ["SERVRE=gunicorn", "VENV=a b", "PYTEST=-k SERVERS=1", "SERVER=none"]
    refused = run(["make", "up", *words], tmp_path, PYTHONPATH=str(REPO))
    assert refused.stderr.startswith("lab: SERVRE: no such word; did you mean SERVER?\n")


def test_a_name_in_the_shell_may_be_for_any_program(elsewhere: Path):
    (elsewhere / ".env").unlink()
    refused = run([*LAB, "up"], elsewhere, SERVERS="a b", SERVER="none")
    assert refused.stderr.startswith("lab: SERVER=none: unknown; ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"# mine\nSERVER gunicorn\n", ", line 2: write NAME=value, with quotes closed"),
        (b'APP=tiny\nSERVER="gunicorn\n', ", line 2: write NAME=value, with quotes closed"),
        (b"SERVER=gunic\xf6rn\n", ": cannot be read: 'utf-8' codec can't decode byte 0xf6"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused(tmp_path: Path, text: bytes, says: str):
    path = tmp_path / ".env"
    path.write_bytes(text)
    with pytest.raises(WordError) as refused:
        environment({}, path)
    assert str(refused.value).startswith(f"{path}{says}")
    with pytest.raises(WordError):
        given({"APP_ENV_FILE": str(path)})


def test_a_file_may_have_what_shells_and_windows_write(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfexport SERVER = 'gunicorn'  # mine\r\n\r\nA=b\r\nC=${A}c\r\n")
    assert read_file(path) == {"SERVER": "gunicorn", "A": "b", "C": "bc"}
    assert read_file(path, interpolate=False)["C"] == "${A}c"
    assert read_file(tmp_path) == read_file(tmp_path / "none") == {}
