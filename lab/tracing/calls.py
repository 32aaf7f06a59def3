"""Calls as spans."""

from collections.abc import Callable
from functools import partial, update_wrapper
from time import monotonic_ns as now
from typing import Any

from lab.tracing.names import EXCEPTION
from lab.tracing.recording import CURRENT, LONGEST_TAPE, Recording

Function = Callable[..., Any]

REFUSALS = "Http404 PermissionDenied BadRequest SuspiciousOperation MultiPartParserError".split()
"""Exceptions of Django's by which a view says 4xx: nothing has failed then."""


def around(function: Function, name: str) -> Function:
    """The function, of one argument, with a span for each call."""
    current = CURRENT.get

    # Recording.begin and end in one, with no `*args`: each middleware of each request passes here,
    # and Python calls a function directly only where it sees how many arguments that has.
    def traced(argument: Any) -> Any:
        recording = current()
        if recording is None:
            return function(argument)
        tape = recording.tape
        place = len(tape)
        if place >= LONGEST_TAPE:
            recording.lost += 1
            return function(argument)
        tape += name, now()
        try:
            result = function(argument)
        except BaseException as exception:
            failed(recording, place, exception)
            raise
        tape += place, now()
        return result

    return update_wrapper(traced, function)


def recorded(
    recording: Recording,
    name: str,
    attributes: dict[str, Any] | None,
    function: Function,
    /,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Calls the function with a span around it."""
    place = recording.begin(name, attributes)
    try:
        result = function(*args, **kwargs)
    except BaseException as exception:
        failed(recording, place, exception)
        raise
    recording.end(place)
    return result


async def recorded_async(
    recording: Recording,
    name: str,
    attributes: dict[str, Any] | None,
    function: Function,
    /,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """As ``recorded``, for a coroutine function."""
    place = recording.begin(name, attributes)
    try:
        result = await function(*args, **kwargs)
    except BaseException as exception:
        failed(recording, place, exception)
        raise
    recording.end(place)
    return result


def failed(recording: Recording, place: int, exception: BaseException) -> None:
    """Ends a span by an exception, of which the type alone is kept: its text may be a secret."""
    name = dotted(type(exception))
    if any(each.__name__ in REFUSALS for each in type(exception).__mro__):
        recording.end(place, {EXCEPTION: name})
    else:
        recording.end(place, None, name)


def dotted(thing: Any) -> str:
    """The path of a class or a function; of another object, that of its class."""
    while isinstance(thing, partial):
        thing = thing.func
    if not hasattr(thing, "__qualname__"):
        thing = type(thing)
    module = getattr(thing, "__module__", None)
    if module in ("builtins", None):
        return str(thing.__qualname__)
    return f"{module}.{thing.__qualname__}"
