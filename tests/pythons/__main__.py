"""`make test-pythons`: the server's tests under each Python that it is made for and that is here.

Each has an environment of its own below var/pythons/, from requirements/server-tests.txt.  One that
is not installed runs in a container, where there is Docker and Debian has it.  Words on the command
line go to pytest.  Exit status 0: all passed that are here; 1: not; 2: none is here.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab.stack.layout import REPO
from tests.pythons import container
from tests.services import requirements

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
TESTS = (
    *("tests/unit/server", "tests/contract"),
    "--ignore=tests/contract/test_through_nginx.py",  # needs the lab, for nginx
)
LOCK = REPO / "requirements" / "server-tests.txt"
FOLDER = REPO / "var" / "pythons"
UV = Path(sys.executable).with_name("uv")

CONTAINER = "in a container"

FAILED, NONE = 1, 2


def places(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where programs may be: pyenv's versions, of which PATH has one at a time, and PATH."""
    pyenv = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/*/bin")))
    yield environ.get("PATH", os.defpath)


def find(version: str) -> str | None:
    """Return the program for a version, from pyenv, uv or PATH; None where there is none."""
    found = subprocess.run(
        [UV, "python", "find", "--system", "--no-python-downloads", version],
        env={**os.environ, "PATH": os.pathsep.join(places(os.environ))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None if found.returncode == 0 else None


def where(version: str) -> str | None:
    """Return the program for a version, or CONTAINER; None where it can be had from neither."""
    contained = version in container.VERSIONS and requirements.find("docker")
    return find(version) or (CONTAINER if contained else None)


def test(version: str, python: str, words: Sequence[str]) -> bool:
    """Make or renew the environment and run the tests in it; tell whether they passed."""
    if python == CONTAINER:
        return container.passes(version, [*TESTS, *words])
    place = FOLDER / version
    install = ["--quiet", "--python", place, "--require-hashes", "-r", LOCK]
    commands = [
        [UV, "venv", "--quiet", "--clear", "--python", python, place],
        [UV, "pip", "install", *install],
        [place / "bin" / "python", "-m", "pytest", "-q", *TESTS, *words],
    ]
    # Whoever calls make from within an environment does not mean that one.
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return all(
        subprocess.run(each, cwd=REPO, env=environ, check=False).returncode == 0
        for each in commands
    )


def main(words: Sequence[str]) -> int:
    """Go through all versions, and say at the end how each has done."""
    pythons = {version: where(version) for version in VERSIONS}
    results = []
    for version, python in pythons.items():
        print(f"\n=== {version}: {python or 'not here'}", flush=True)
        if python:
            results.append((version, python, test(version, python, words)))
    print()
    for version, python, passed in results:
        print(f"{version:6} {'passed' if passed else 'FAILED'}   {python}")
    missing = [version for version, python in pythons.items() if not python]
    if missing:
        print(f"{', '.join(missing)}: not here, so not tested; `uv python install` brings them,")
        print(f"and Docker has {' and '.join(container.VERSIONS)} without installing")
    if not results:
        return NONE
    return 0 if all(passed for *_, passed in results) else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
