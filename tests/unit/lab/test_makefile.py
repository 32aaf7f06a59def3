"""The Makefile: what it says to someone who has just cloned the repository."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python_with(folder: Path, patch: str) -> Path:
    """A python that runs `-c` programs after a patch to what they see."""
    program = folder / "python"
    program.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'import sys; {patch}; exec(sys.argv[1])' \"$2\"\n"
    )
    program.chmod(0o755)
    return program


def test_without_a_target_it_lists_all_of_them():
    listed = set(re.findall(r"^  ([a-z-]+) {2,}\S", make().stdout, re.M))
    declared = re.search(r"^\.PHONY: (.*)$", (REPO / "Makefile").read_text(), re.M)
    assert declared
    assert listed == set(declared[1].split())


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("sys.version_info = (3, 9, 18)", "is Python 3.9: WSGI Lab needs 3.11 or newer"),
        ('sys.modules["ensurepip"] = None', "apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_said_with_what_to_do(
    tmp_path: Path, patch: str, message: str
):
    python = python_with(tmp_path, patch)
    done = make("venv", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "venv").exists()


def messages() -> Iterator[str]:
    """What the lab and the proxy's error pages say: every string that is no docstring."""
    for path in (REPO / "lab").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and id(node) not in docstrings:
                yield str(node.value)
    yield from (path.read_text() for path in (REPO / "nginx" / "errors").glob("*.html"))


def test_messages_name_commands_that_are_there_without_an_environment():
    told = re.findall(r"(?:`|<code>)(lab|make) (\w+)", "\n".join(messages()))
    assert {name for program, name in told if program == "make"} == {"up", "status", "venv"}
    # `make` has none for these, and they are said to who has typed `lab` already, or knows it.
    assert {name for program, name in told if program == "lab"} == {"servers", "up"}


def test_no_python_at_all_is_said(tmp_path: Path):
    done = make("up", "PYTHON=/no/python", f"VENV={tmp_path / 'venv'}")
    assert done.returncode == 2
    assert "no /no/python here: install Python 3.11 or newer" in done.stderr
