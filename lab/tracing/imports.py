"""Changes modules of other people's from outside, when and if the application imports them.

An application that has no use for a module does not pay for it, and the order in which it imports
its own stays as it is.
"""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Action = Callable[[ModuleType], None]

MARK = "__wsgilab__"
"""An attribute of every function that stands in another's place."""


def when_imported(name: str, action: Action) -> None:
    """Calls ``action`` with a module as soon as that has been imported, at once if it is there.

    Another action for the same module takes the place of the first.  One that fails is said on
    stderr; the import goes on.
    """
    module = sys.modules.get(name)
    if module is not None:
        attempt(action, module)
        return
    finder = next((each for each in sys.meta_path if isinstance(each, Finder)), None)
    if finder is None:
        finder = Finder()
        sys.meta_path.insert(0, finder)
    finder.actions[name] = action


def attempt(action: Action, module: ModuleType) -> None:
    """Calls ``action``, whatever comes of it."""
    try:
        action(module)
    except Exception as error:
        print(f"lab: {module.__name__} is not traced: {error!r}", file=sys.stderr)


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Puts ``make(what stands there)`` in the place of a function of a module or a class.

    Does nothing where it has been done before, or where there is no such function.
    """
    plain = getattr(owner, name, None)
    if plain is not None and not hasattr(plain, MARK):
        instead = wraps(plain)(make(plain))
        setattr(instead, MARK, True)
        setattr(owner, name, instead)


class Finder(MetaPathFinder):
    """Finds modules as the others do, and follows the loading of those that are waited for."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        action = self.actions.get(fullname)
        if action is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                follow(spec, action)
                return spec
        return None


def follow(spec: ModuleSpec, action: Action) -> None:
    """Has ``action`` called when the module has been loaded."""
    loader = spec.loader
    if loader is None:
        return
    execute = loader.exec_module

    def execute_and_act(module: ModuleType) -> None:
        execute(module)
        attempt(action, module)

    # On the loader that was found, so that it stays one that knows sources and resources.
    loader.exec_module = execute_and_act  # type: ignore[method-assign]
