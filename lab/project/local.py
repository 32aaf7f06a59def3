"""A project of one's own among local processes: its packages, its variables, whether it loads."""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.environment import read_file
from lab.errors import LabError
from lab.project import requirements
from lab.project.packages import leave_out_servers
from lab.serve import OURS, Project, WordError
from lab.stack.layout import Layout
from lab.stack.processes import Processes, Say
from lab.words import WORDS

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
DONE = ".installed"
"""In a folder of packages that pip has come to its end with."""

OTHERS = {word.name for word in WORDS} - {*OURS} | {"BIND", "DATA_DIR", "LAB_TELEMETRY"}


def given(words: Mapping[str, str]) -> dict[str, str]:
    """What APP_ENV_FILE adds for the project; a word that is none of an application's stays.

    Raises WordError where there is no such file.
    """
    named = words.get("APP_ENV_FILE", "")
    if not named:
        return {}
    if not Path(named).is_file() or not os.access(named, os.R_OK):
        raise WordError(f"APP_ENV_FILE={named}: there is no such file, or it cannot be read")
    found = read_file(Path(named), interpolate=False)
    kept = {name for name in OTHERS if words.get(name)}
    return {name: value or "" for name, value in found.items() if name not in kept}


def short(text: str) -> str:
    """A name for a folder that is another for another text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Surroundings:
    """What a project finds around it: its packages and its variables.

    The packages are installed once for each list of them and each Python.
    """

    def __init__(self, project: Project, words: Mapping[str, str], layout: Layout) -> None:
        """Raises WordError for a file that is not there or says nothing."""
        self._project = project
        self._files = requirements.wanted(project.folder, words.get("APP_REQUIREMENTS", ""))
        told = repr((sys.version_info, self._files))
        self._kept = layout.packages / short(str(project.folder))
        self._packages = self._kept / short(told)
        self._data = layout.data / "project"
        self.variables = {
            **given(words),
            "LAB_PACKAGES": str(self._packages),
            "DATA_DIR": str(self._data),
        }

    def prepare(self, processes: Processes, say: Say) -> None:
        """Installs what the project requires, and tries to load it.

        Raises LabError and WordError where that fails, StopRequested.
        """
        self._data.mkdir(mode=0o700, exist_ok=True)
        if not (self._packages / DONE).exists():
            self._install(processes, say)
        say("lab", f"loading {self._project}")
        processes.run("project", [sys.executable, "-m", "lab.project.check"], self.variables)

    def _install(self, processes: Processes, say: Say) -> None:
        shutil.rmtree(self._kept, ignore_errors=True)  # those of an older list
        lists = self._kept / "lists"
        requirements.write(self._files, lists)
        self._packages.mkdir(parents=True)
        whole = lists / requirements.ALL
        if whole.stat().st_size:
            where = self._project.folder
            say("lab", f"installing what {where} requires")
            try:
                install = [*PIP, "--target", str(self._packages), "-r", str(whole)]
                processes.run("pip", install, cwd=self._project.folder)
            except (LabError, WordError):
                raise LabError(
                    f"pip cannot install what {where} requires; above it says why"
                ) from None
        for name in leave_out_servers(self._packages):
            say("lab", f"{name} is left out: the lab's own is used")
        (self._packages / DONE).touch()
