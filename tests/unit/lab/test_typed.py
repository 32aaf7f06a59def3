"""The lab's commands in its messages are those that can be typed where somebody is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import typed
from lab.stack.layout import REPO

WORDS = {"SERVER": "gunicorn", "THREADS": "", "APP_PATH": "/my shop", "APP_WSGI": "shop:app"}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `lab` beside the Python that runs this, as in an environment that nobody has activated."""
    path = tmp_path / "an environment" / "lab"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path.with_name("python")))
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.chdir(tmp_path)
    return path


def test_lab_is_named_by_its_path_until_path_leads_there(
    program: Path, monkeypatch: pytest.MonkeyPatch
):
    assert typed.lab() == f"'{program}'"
    monkeypatch.setenv("PATH", f"{program.parent}:{os.defpath}")
    assert typed.lab() == "lab"
    other = program.parents[1] / "lab"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}:{program.parent}")
    assert typed.lab() == f"'{program}'"


def test_in_the_repository_the_environment_stands_beside(monkeypatch: pytest.MonkeyPatch):
    own = Path(sys.executable).with_name("lab")
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.chdir(REPO)
    inside = own.is_relative_to(REPO)
    assert typed.lab() == str(own.relative_to(REPO) if inside else own)


def test_words_stand_as_make_and_as_lab_take_them(program: Path, monkeypatch: pytest.MonkeyPatch):
    options = "--server gunicorn --threads '' --app-path '/my shop' --wsgi shop:app"
    assert typed.command("up", {**WORDS, "LAB_VAR": "/v"}) == f"LAB_VAR=/v '{program}' up {options}"
    monkeypatch.chdir(REPO)
    said = typed.command("up", {**WORDS, "LAB_VAR": "/v$"})
    given = "SERVER=gunicorn THREADS= APP_PATH='/my shop' APP_WSGI=shop:app LAB_VAR='/v$$'"
    assert said == f"make up {given}"


def test_make_hands_a_word_on_as_it_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "Makefile").write_text('up: ; @printf %s "$$DATABASE_URL"\n')
    monkeypatch.setattr(typed, "HOME", tmp_path)
    monkeypatch.chdir(tmp_path)
    for set_by_make in ("MAKEFLAGS", "MAKELEVEL"):  # where a make runs this test
        monkeypatch.delenv(set_by_make, raising=False)
    value = "postgres://a'b$c d@host/#x"
    line = typed.command("up", {"DATABASE_URL": value})
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == value


def test_docker_is_named_where_its_file_is(program: Path, monkeypatch: pytest.MonkeyPatch):
    assert typed.how_to_start() == f"`'{program}' up` starts a stack"
    monkeypatch.chdir(REPO)
    assert typed.how_to_start() == "`make up` or `docker compose up` starts a stack"


def test_a_python_without_what_the_lab_needs_is_told_which_one_has_it():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "lab", "status"],  # -S: nothing that is installed
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"lab: {sys.executable} has no ")
    assert done.stderr.endswith("; run `make venv`, then .venv/bin/lab\n")
