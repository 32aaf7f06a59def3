"""The SQL of Django's, as spans: each statement that any connection of any thread executes.

A span takes the time of ``execute`` and that of fetching the rows, since SQLite computes a row when
it is fetched.  What is done between the two, such as rendering one row of many, does not count; so
where rows are fetched much later, the span has its length right and ends too early.
"""

from collections.abc import Iterator, Sized
from functools import partial
from time import monotonic_ns
from types import ModuleType
from typing import Any

from lab.tracing.calls import Function, dotted, failed, recorded
from lab.tracing.imports import replace, when_imported
from lab.tracing.names import SQL_OPERATION, SQL_ROWS, SQL_SYSTEM
from lab.tracing.recording import CURRENT, Recording
from lab.tracing.statement import describe, system

FETCHES = "fetchone", "fetchmany", "fetchall"
OF_CONNECTIONS = {"connect": "CONNECT", "_commit": "COMMIT", "_rollback": "ROLLBACK"}
"""What a connection does without a statement: its method, and what the span calls it."""


def instrument() -> None:
    """Makes Django's connections, those that are open as well, record what they execute."""
    when_imported("django.db.backends.utils", trace_cursors)
    when_imported("django.db.backends.base.base", trace_connections)


def trace_connections(base: ModuleType) -> None:
    """Puts spans around connecting, which may wait for a pool, and around ends of transactions."""
    for method, operation in OF_CONNECTIONS.items():
        replace(base.BaseDatabaseWrapper, method, partial(trace_connection, operation))


def trace_connection(operation: str, plain: Function) -> Function:
    current = CURRENT.get
    name = f"SQL {operation}"

    def traced(self: Any) -> Any:
        recording = current()
        if recording is None:
            return plain(self)
        attributes = {SQL_SYSTEM: system(self.vendor), SQL_OPERATION: operation}
        return recorded(recording, name, attributes, plain, self)

    return traced


def trace_cursors(utils: ModuleType) -> None:
    """Puts a span around each statement, and has its rows counted as they are fetched."""
    replace(utils.CursorWrapper, "execute", trace_execute)
    replace(utils.CursorWrapper, "executemany", trace_executemany)
    replace(utils.CursorWrapper, "__iter__", trace_iteration)


def trace_execute(plain: Function) -> Function:
    """Around a cursor's ``execute``."""
    current = CURRENT.get

    def execute(self: Any, sql: Any, params: Any = None) -> Any:
        recording = current()
        if recording is None:
            return plain(self, sql, params)
        return executed(recording, plain, self, sql, params)

    return execute


def trace_executemany(plain: Function) -> Function:
    """Around a cursor's ``executemany``."""
    current = CURRENT.get

    def executemany(self: Any, sql: Any, param_list: Any) -> Any:
        recording = current()
        if recording is None:
            return plain(self, sql, param_list)
        return executed(recording, plain, self, sql, param_list)

    return executemany


def executed(recording: Recording, plain: Function, cursor: Any, sql: Any, params: Any) -> Any:
    """Executes a statement with a span around it, and follows its rows."""
    name, attributes = describe(sql, cursor.db.vendor)
    place = recording.begin(name, attributes)
    try:
        result = plain(cursor, sql, params)
    except BaseException as exception:
        failed(recording, place, exception)
        raise
    recording.end(place)
    try:
        if place >= 0:
            Rows(recording, place).follow(cursor)
        else:  # one span too many: what followed the statement before must not count these rows
            Rows.leave(cursor)
    except Exception:  # nosec B110  # a driver's cursor like no other: its rows are not counted
        pass
    return result


def trace_iteration(plain: Function) -> Function:
    """Around a cursor's ``__iter__``."""

    def iterate(self: Any) -> Iterator[Any]:
        rows: Iterator[Any] = plain(self)
        counter = self.__dict__.get(Rows.KEPT)
        return rows if counter is None else counter.each(rows)

    return iterate


class Rows:
    """Counts the rows of one statement as they are fetched, and adds the time that this takes."""

    KEPT = "_wsgilab_rows"
    """Where Django's cursor has it."""

    __slots__ = ("attributes", "cursor", "db", "details", "end", "fetched", "tape")

    def __init__(self, recording: Recording, place: int) -> None:
        """Of the statement that began at a place, and has just ended."""
        self.details = recording.details[place]
        self.attributes: dict[str, Any] = self.details.attributes
        self.tape: list[Any] = recording.tape
        self.end = len(self.tape) - 1
        """Where on the tape it says when it ended."""
        self.fetched = 0

    def follow(self, cursor: Any) -> None:
        """Stands in for the fetching methods of Django's cursor from now on.

        Those come from the driver's own cursor by ``__getattr__``, so that attributes go first.
        """
        # Not Django's cursor itself: a cycle would keep it, and its locks, past its last use.
        self.cursor, self.db = cursor.cursor, cursor.db
        # How many rows were written, or are there to fetch; SQLite does not know the latter: -1.
        known = getattr(self.cursor, "rowcount", -1)
        if isinstance(known, int) and known >= 0:
            self.attributes[SQL_ROWS] = known
        attributes = cursor.__dict__
        attributes[Rows.KEPT] = self
        if not hasattr(type(cursor), "fetchone"):
            for method in FETCHES:
                attributes[method] = partial(self.fetch, method)

    @staticmethod
    def leave(cursor: Any) -> None:
        """Takes away what stands in for the fetching methods of Django's cursor."""
        for name in (Rows.KEPT, *FETCHES):
            cursor.__dict__.pop(name, None)

    def fetch(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a method of the driver's cursor, with its errors translated as Django does."""
        start = monotonic_ns()
        try:
            rows = self.db.wrap_database_errors(getattr(self.cursor, method))(*args, **kwargs)
        except BaseException as exception:
            self.failed(start, exception)
            raise
        if method == "fetchone":
            self.count(start, 0 if rows is None else 1)
        else:
            self.count(start, len(rows) if isinstance(rows, Sized) else 0)
        return rows

    def each(self, rows: Iterator[Any]) -> Iterator[Any]:
        """The rows, counted."""
        while True:
            start = monotonic_ns()
            try:
                row = next(rows)
            except StopIteration:
                self.count(start, 0)
                return
            except BaseException as exception:
                self.failed(start, exception)
                raise
            self.count(start, 1)
            yield row

    def count(self, start: int, rows: int) -> None:
        self.tape[self.end] += monotonic_ns() - start
        self.fetched += rows
        if self.fetched >= self.attributes.get(SQL_ROWS, 0):
            self.attributes[SQL_ROWS] = self.fetched

    def failed(self, start: int, exception: BaseException) -> None:
        self.tape[self.end] += monotonic_ns() - start
        self.details.error = dotted(type(exception))
