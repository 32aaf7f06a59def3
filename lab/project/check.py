"""Loads a project once and ends: ``python -m lab.project.check``, in the server's environment.

How a server says that it could not load its application, and whether it then ends, differs from one
to the other; some try for ever.
"""

import importlib
import os
import sys
import traceback
from difflib import get_close_matches
from types import TracebackType

from lab.serve import Choice, Project, WordError, enter


def load(project: Project) -> None:
    """Raises WordError where there is no such module or callable, and whatever the project does."""
    try:
        module = importlib.import_module(project.module)
    except ModuleNotFoundError as error:
        if error.name and f"{project.module}.".startswith(f"{error.name}."):
            hint = "; name it without .py" if error.name.endswith(".py") else ""
            raise WordError(
                f"APP_WSGI={project.module}:{project.function}: there is no module {error.name} "
                f"in {project.folder}{hint}"
            ) from None
        raise
    if not callable(getattr(module, project.function, None)):
        there = [name for name, value in vars(module).items() if callable(value)]
        near = get_close_matches(project.function, there, n=1)
        raise WordError(
            f"APP_WSGI={project.module}:{project.function}: {module.__file__} has no callable "
            f"{project.function}{f'; did you mean {near[0]}?' if near else ''}"
        )


def own(steps: TracebackType | None) -> TracebackType | None:
    """A traceback from the project's first line on: without the lab, and without the import."""
    while steps and steps.tb_next and is_outside(steps):
        steps = steps.tb_next
    return steps


def is_outside(step: TracebackType) -> bool:
    """Whether a step is taken in this file or within importlib."""
    name = step.tb_frame.f_code.co_filename
    return name in (__file__, importlib.__file__) or name.startswith("<frozen importlib")


def main() -> None:
    """Exits with 0, with 2 where a word cannot be followed, with 1 where it cannot be loaded."""
    try:
        choice = Choice.from_words(os.environ)
        assert choice.project
        enter(choice)
        # As PYTHONPATH has it, which counts from the start of a process only.
        sys.path[:1] = os.environ["PYTHONPATH"].split(os.pathsep)
        load(choice.project)
        status = 0
    except WordError as error:
        print(f"lab: {error}", file=sys.stderr)
        status = 2
    except BaseException as error:  # it may call sys.exit, too
        traceback.print_exception(type(error), error, own(error.__traceback__))
        print(f"lab: {choice.project} cannot be loaded", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # whatever threads it has started


if __name__ == "__main__":
    main()
