"""Which Pythons `make test-pythons` finds, and what it says of them."""

import sys
from pathlib import Path

import pytest

from tests.pythons import __main__ as pythons


def fake(folder: Path, version: str) -> Path:
    """A program that is this Python by another name; pyenv's shims have such names too."""
    folder.mkdir(parents=True)
    program = folder / f"python{version}"
    program.symlink_to(Path(sys.executable).resolve())
    return program


HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_versions_of_pyenv_are_found_behind_its_shims(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    shim = shims / f"python{HERE}"
    shim.write_text("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shims))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.find("3.2") is None
    program = fake(tmp_path / "versions" / "3.x" / "bin", HERE)
    assert pythons.find(HERE) == str(program)


@pytest.mark.parametrize(
    ("here", "passing", "status"),
    [({"3.11", "3.13"}, {"3.11", "3.13"}, 0), ({"3.11", "3.13"}, {"3.11"}, 1), (set(), set(), 2)],
)
def test_it_says_which_were_tested_and_which_are_not_here(
    here: set[str],
    passing: set[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pythons, "where", lambda version: "/p" if version in here else None)
    monkeypatch.setattr(pythons, "test", lambda version, python, words: version in passing)
    assert pythons.main([]) == status
    said = capsys.readouterr().out
    for version in pythons.VERSIONS:
        assert (f"{version}   passed" in said) is (version in passing)
        assert (f"{version}   FAILED" in said) is (version in here - passing)
    missing = [version for version in pythons.VERSIONS if version not in here]
    assert f"{', '.join(missing)}: not here, so not tested" in said


@pytest.mark.parametrize(
    ("installed", "docker", "where"),
    [
        (True, True, ["/p", "/p", "/p", "/p"]),
        (False, True, [None, None, pythons.CONTAINER, pythons.CONTAINER]),
        (False, False, [None, None, None, None]),
    ],
)
def test_what_is_not_installed_and_debian_has_runs_in_a_container(
    installed: bool, docker: bool, where: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pythons, "find", lambda version: "/p" if installed else None)
    monkeypatch.setattr(pythons.requirements, "find", lambda name: "/docker" if docker else None)
    assert [pythons.where(version) for version in pythons.VERSIONS] == where
