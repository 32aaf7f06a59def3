"""A project of one's own under the bench: each path that it is asked for is a workload."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.bench.workloads import Workload
from lab.environment import own_project
from lab.project.local import Surroundings
from lab.serve import Project, WordError, places
from lab.stack.layout import REPO, Layout
from lab.stack.processes import Processes, Say, StopRequested


def words(folder: str | None, wsgi: str | None, **more: str | None) -> dict[str, str] | None:
    """The words of a project, for paths from here on; None where none is named.

    Raises WordError where it is not there.
    """
    given = {"APP_PATH": folder, "APP_WSGI": wsgi, **more}
    if not any(given.values()):
        return None
    if not folder:
        raise WordError("--wsgi: of which project? Name its folder by --app")
    found = {name: value or "" for name, value in own_project(given, Path.cwd()).items()}
    found["APP_PATH"] = str(Path(found["APP_PATH"]).absolute())
    surroundings(found)
    return found


def surroundings(words: Mapping[str, str]) -> tuple[Project, Surroundings]:
    """A project and what it finds around it.  Raises WordError."""
    project = Project.from_words(words)
    assert project
    return project, Surroundings(project, words, Layout.from_environ(os.environ))


def workloads(words: Mapping[str, str], paths: Sequence[str]) -> list[Workload]:
    """A GET for each path, answered by 200 with any body.  Raises WordError."""
    project, around = surroundings(words)
    folders = [*map(str, places(project.folder)), around.variables["LAB_PACKAGES"]]
    variables = {**around.variables, "PYTHONPATH": os.pathsep.join(folders)}
    return [
        Workload(
            path,
            f"GET {path}",
            f"{project.module}:{project.function}",
            project.folder,
            path,
            lambda _: True,
            variables=variables,
            host="localhost",
            project=words,
        )
        for path in paths
    ]


def prepare(words: Mapping[str, str], say: Say) -> None:
    """Installs what the project requires and tries to load it.  Raises LabError, WordError."""
    layout = Layout.from_environ(os.environ)
    layout.make()
    try:
        with Processes(layout.log, {**os.environ, **words}, REPO, say) as processes:
            surroundings(words)[1].prepare(processes, say)
    except StopRequested:
        raise KeyboardInterrupt from None
