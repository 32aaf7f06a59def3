"""A WSGI application, wrapped so that its requests are recorded.

Nothing in the application knows of it, and of any WSGI application the whole
is recorded; of a Django project its middleware, views, templates and SQL too.
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic_ns, thread_time
from typing import Any

from lab.tracing import django, names
from lab.tracing.exporting import EXPORTER
from lab.tracing.recording import CURRENT, Attributes, is_wanted, record

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

RECORDING = "wsgilab.recording"
"""Where a recording stands in the environ, for hooks of the server."""
OBSERVATION = "paceline.observation"


class Traced:
    """A WSGI application that records what it is asked."""

    server_decides = False
    """Whether the server has said by OBSERVATION which requests are recorded."""
    server_ends = False
    """Whether a hook of the server's ends the recording, when the answer is out."""
    own_thread = True
    """Whether a thread serves one request at a time, so that its CPU time is the request's."""

    def __init__(self, application: WSGI, name: str) -> None:
        self._application = application
        self._name = f"WSGI {name}"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """PEP 3333."""
        seen = environ.get(OBSERVATION)
        if seen is None and (self.server_decides or not is_wanted(environ)):
            return self._application(environ, start_response)
        recording = record(environ)
        recording.environ = environ.copy()
        recording.environ.pop(OBSERVATION, None)
        environ[RECORDING] = recording
        whole = recording.begin(self._name)
        queue = f"queue;dur={(seen.taken - seen.ready) * 1000:.2f}, " if seen else ""
        begun = monotonic_ns()
        cpu = None if seen or not self.own_thread else thread_time()  # paceline takes the same time

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            recording.status = str(status)  # the server may refuse what it is
            now = recording.responded = monotonic_ns()
            timing = f"{queue}app;dur={(now - begun) / 1e6:.2f}"
            return start_response(status, [*headers, ("Server-Timing", timing)], exc_info)

        def end(error: str | None = None) -> None:
            CURRENT.set(None)
            recording.error = error
            used: Attributes | None = None
            if cpu is not None:
                used = {names.CPU_TIME: round(thread_time() - cpu, 6)}
            recording.end(whole, used, error)
            if not self.server_ends:
                EXPORTER.put(recording)

        CURRENT.set(recording)
        try:
            result = self._application(environ, start)
        except BaseException as error:
            end(type(error).__name__)
            raise
        if type(result) in (list, tuple) or isinstance(result, _file_wrapper(environ)):
            end()
            return result
        return (SizedBody if hasattr(type(result), "__len__") else Body)(result, end)


def _file_wrapper(environ: dict[str, Any]) -> Any:
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper if isinstance(wrapper, type) else ()


class Body:
    """An application's iterable, whose ``close`` ends the recording."""

    def __init__(self, body: Any, end: Callable[..., None]) -> None:
        self._body = body
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Closes the application's own."""
        error = None
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as failure:
            error = type(failure).__name__
            raise
        finally:
            self._end(error)


class SizedBody(Body):
    """One whose parts can be counted, which servers do to learn that there is only one."""

    def __len__(self) -> int:
        return len(self._body)


def load(name: str) -> Traced:
    """Loads ``module:attribute`` and wraps it; raises what the application raises."""
    module_name, _, attributes = name.partition(":")
    django.instrument()
    found: Any = importlib.import_module(module_name)
    for attribute in (attributes or "application").split("."):
        found = getattr(found, attribute)
    EXPORTER.application = "django" if "django" in sys.modules else module_name.partition(".")[0]
    return Traced(found, module_name)
