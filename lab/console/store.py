"""Where traces are kept: SQLite, read by anyone, written by one thread (writer.py).

store = Store(path)
page = store.find(Filters(path="/entries", min_ms=100))
newer = store.find(Filters(), after=page.cursor)     # what has come, or changed, since
spans = store.get(page.rows[0].trace_id)             # for assemble()
"""

import json
import logging
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

from lab.console import nginx_log
from lab.console.summary import Summary
from lab.tracing.span import Span, decode

log = logging.getLogger("lab.console")

SCHEMA = Path(__file__).with_name("schema.sql")
COLUMNS = ", ".join(field.name for field in fields(Summary))
PAGE = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of traces is to have; empty or None lets everything through."""

    path: str = ""
    """A part of it."""
    status: str = ""
    """Such as 404, or 5xx."""
    server: str = ""
    """Its name, with the version or without."""
    min_ms: float | None = None
    max_ms: float | None = None
    errors: bool = False

    def conditions(self) -> Iterator[tuple[str, Sequence[object]]]:
        """Each as SQL, with its parameters."""
        if self.path:
            yield "instr(path, ?)", [self.path]
        if self.status:
            yield "status BETWEEN ? AND ?", [*(status_range(self.status) or (1, 0))]
        if self.server:
            yield "(server = ? OR instr(server, ? || '/') = 1)", [self.server, self.server]
        if self.min_ms is not None:
            yield "ended - started >= ?", [self.min_ms * 1e6]
        if self.max_ms is not None:
            yield "ended - started <= ?", [self.max_ms * 1e6]
        if self.errors:
            yield "(error IS NOT NULL OR status >= 500)", []


def status_range(text: str) -> tuple[int, int] | None:
    """The first and last status that a text means, such as 404 or 5xx; none where it is neither."""
    if len(text) == 3 and text[0].isdecimal() and text[1:].lower() == "xx" and text.isascii():
        return int(text[0]) * 100, int(text[0]) * 100 + 99
    if text.isascii() and text.isdecimal() and len(text) == 3:
        return int(text), int(text)
    return None


@dataclass(frozen=True, slots=True)
class Page:
    """Some traces, the one that began last first."""

    rows: Sequence[Summary]
    cursor: int
    """For ``after``: what comes later than this list."""
    more: bool
    """Whether there are older ones; ``before`` the last row's start brings them."""


class Store:
    """Readers of any thread.  Makes the file where there is none.

    Raises sqlite3.Error, OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(self.connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA.read_text())
        path.chmod(0o600)  # what people sent each other is in there

    def connect(self) -> sqlite3.Connection:
        """A connection for one thread, which closes it; it waits 10 s for others."""
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def find(
        self,
        filters: Filters,
        after: int | None = None,
        before: int | None = None,
        limit: int = PAGE,
    ) -> Page:
        """Traces that the filters let through, at most ``limit``.

        ``after``: those that came or changed after a page's ``cursor``.  ``before``: those that
        began before this (nanoseconds).
        """
        conditions = [*filters.conditions()]
        if after is not None:
            conditions.append(("changed > ?", [after]))
        if before is not None:
            conditions.append(("started < ?", [before]))
        where = " AND ".join(["1", *(condition for condition, _ in conditions)])
        parameters = [value for _, values in conditions for value in values]
        with closing(self.connect()) as connection:
            connection.execute("BEGIN")  # both questions are asked of one state
            (cursor,) = connection.execute("SELECT max(changed) FROM traces").fetchone()
            rows = connection.execute(
                # The conditions are constants, with a `?` for each value.
                f"SELECT {COLUMNS} FROM traces WHERE {where} "  # nosec B608
                "ORDER BY started DESC, trace_id LIMIT ?",
                [*parameters, limit + 1],
            ).fetchall()
        found = [Summary(*row) for row in rows[:limit]]
        return Page(found, cursor or after or 0, len(rows) > limit)

    def get(self, trace_id: str) -> list[Span]:
        """All spans that came of a trace, in the order of arrival; none where it is unknown."""
        with closing(self.connect()) as connection:
            chunks = connection.execute(
                "SELECT body FROM chunks WHERE trace_id = ? ORDER BY id", [trace_id]
            ).fetchall()
        return [span for (body,) in chunks for span in readable(trace_id, body)]

    def count_spans(self) -> int:
        """Of all traces together."""
        with closing(self.connect()) as connection:
            (spans,) = connection.execute("SELECT total(spans) FROM traces").fetchone()
            return int(spans)

    def servers(self) -> Sequence[str]:
        """Every server that answered, by name."""
        with closing(self.connect()) as connection:
            rows = connection.execute("SELECT DISTINCT server FROM traces ORDER BY server")
            return [server for (server,) in rows if server]


def pack(text: bytes) -> bytes:
    """A chunk as it is kept.  Level 1: four times smaller; the next level costs twice the time."""
    return zlib.compress(text, 1)


def readable(trace_id: str, body: bytes) -> Sequence[Span]:
    """The spans of a chunk; none of one that is damaged, or nested deeper than the stack."""
    try:
        return [*unpack(body)]
    except (ValueError, RecursionError, zlib.error) as error:
        log.error("a part of trace %s cannot be read: %s", trace_id, error)
        return []


def unpack(body: bytes) -> Iterable[Span]:
    """The spans of a chunk."""
    text = zlib.decompress(body)
    return nginx_log.spans_of(text) if text.startswith(b"<") else decode(json.loads(text))
