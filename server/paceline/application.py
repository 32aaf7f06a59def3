"""From what a person names on the command line to the WSGI application.

    module                      the attribute `application` of that module
    module:attribute            another attribute; a dotted one too
    module:factory("x", n=1)    what a function returns; its arguments are Python literals

A name that cannot be used and an application that is broken are told apart: the first is
explained in one line, the second carries the application's own exception as its cause.
"""

import ast
import importlib
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from paceline.errors import ApplicationLoadError

DEFAULT_ATTRIBUTE = "application"

# Enough to recognise a misspelt name, short enough for one line of a log.
NAMES_SHOWN = 12

_NOT_THEIRS = (__file__, importlib.__file__, "<frozen importlib")


def load_application(name: str) -> WSGIApplication:
    """Import the application that `name` names; `sys.path` says where from.

    Raises ApplicationLoadError.  Its `__cause__` is the application's own exception when its
    code ran and failed, and None when the name alone is at fault.
    """
    module_name, _, expression = name.partition(":")
    if module_name.endswith(".py") and Path(module_name).is_file():
        raise ApplicationLoadError(_not_a_file(Path(module_name), expression or DEFAULT_ATTRIBUTE))
    if not module_name or module_name.startswith("."):
        raise ApplicationLoadError(
            f"{name!r} names no module; write module:attribute, such as config.wsgi:application"
        )
    target = _parse(expression or DEFAULT_ATTRIBUTE, name)
    found: Any = _import(module_name)
    place = module_name
    for attribute in target.path:
        found = _attribute(found, attribute, place)
        place += f".{attribute}"
    if target.is_call:
        found = _call(found, target, place)
        place += "()"
    if not callable(found):
        raise ApplicationLoadError(
            f"{place} is {_a(found)}, not a WSGI application: it cannot be called"
        )
    application: WSGIApplication = found
    return application


@dataclass(frozen=True, slots=True)
class _Target:
    """What follows the colon, taken apart."""

    text: str
    path: tuple[str, ...]
    is_call: bool = False
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)


def _parse(expression: str, name: str) -> _Target:
    """The attribute path and the literal arguments of `expression`."""
    complaint = (
        f"cannot read {expression!r} in {name!r}: write module:attribute, "
        "or module:factory(...) with literal arguments"
    )
    try:
        node = ast.parse(expression, mode="eval").body
        if not isinstance(node, ast.Call):
            return _Target(expression, _path(node))
        args = [ast.literal_eval(argument) for argument in node.args]
        # A `**mapping` has no name, and no literal can stand for it.
        kwargs = {str(word.arg): ast.literal_eval(word.value) for word in node.keywords if word.arg}
        if len(kwargs) != len(node.keywords):
            raise ApplicationLoadError(complaint)
        return _Target(expression, _path(node.func), True, args, kwargs)
    except (SyntaxError, ValueError):
        raise ApplicationLoadError(complaint) from None


def _path(node: ast.expr) -> tuple[str, ...]:
    """`a.b.c` as ("a", "b", "c"); ValueError for any other expression."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=owner, attr=name):
            return (*_path(owner), name)
    raise ValueError("not a dotted name")


def _not_a_file(path: Path, expression: str) -> str:
    if path.is_absolute() or ".." in path.parts:
        module_name, where = path.stem, f" --chdir {path.parent}"
    else:
        module_name, where = ".".join(path.with_suffix("").parts), ""
    return f"{path} is a file; name its module: {module_name}:{expression}{where}"


def _import(module_name: str) -> object:
    importlib.invalidate_caches()  # a file may have come since somebody looked
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{module_name}.".startswith(f"{missing}."):
            raise ApplicationLoadError(_not_found(module_name, missing)) from None
        raise ApplicationLoadError(f"importing {module_name} failed: {error}") from _clean(error)
    # SystemExit too: an application that calls sys.exit() at import must not look as if
    # the server had ended by itself.
    except (Exception, SystemExit) as error:
        raise ApplicationLoadError(f"importing {module_name} failed: {_line(error)}") from _clean(
            error
        )


def _not_found(module_name: str, missing: str) -> str:
    where = f"in {str(Path.cwd())!r} or on sys.path"
    if missing != module_name:
        return f"no module {module_name!r}: there is no {missing!r} {where}"
    return f"no module {module_name!r} {where}; start in its directory, or name that with --chdir"


def _attribute(owner: object, attribute: str, place: str) -> object:
    try:
        return getattr(owner, attribute)
    except AttributeError:
        has: dict[str, object] = getattr(owner, "__dict__", {})
        callables = sorted(each for each in has if callable(has[each]) and each[:1] != "_")
        names = ", ".join(callables[:NAMES_SHOWN]) or "nothing that can be called"
        raise ApplicationLoadError(f"{place} has no {attribute!r}; it has {names}") from None


def _call(factory: Any, target: _Target, place: str) -> object:
    if not callable(factory):
        raise ApplicationLoadError(f"{place} is {_a(factory)}: it cannot be called")
    try:
        inspect.signature(factory).bind(*target.args, **target.kwargs)
    except TypeError as error:
        raise ApplicationLoadError(f"{place} cannot be called so: {error}") from None
    except ValueError:
        pass  # Some built-in callables have no signature to ask.
    try:
        return factory(*target.args, **target.kwargs)
    except (Exception, SystemExit) as error:
        raise ApplicationLoadError(f"{target.text} failed: {_line(error)}") from _clean(error)


def _clean(error: BaseException) -> BaseException:
    """The exception, its traceback without this file and the import system."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename.startswith(_NOT_THEIRS):
        frames = frames.tb_next
    return error.with_traceback(frames)


def _line(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _a(thing: object) -> str:
    kind = type(thing).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
