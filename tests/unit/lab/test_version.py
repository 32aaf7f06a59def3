"""`lab --version` names what a report of a bug has to name."""

import platform
import subprocess
import tomllib

import paceline

from tests.services.stack import LAB, REPO


def test_the_lab_paceline_and_python_are_named():
    done = subprocess.run([*LAB, "--version"], cwd=REPO, capture_output=True, text=True, check=True)
    own = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    assert done.stdout == f"lab {own}, paceline {paceline.__version__}, {python}\n"
