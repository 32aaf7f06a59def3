"""The one thread that writes to the store: many chunks in one transaction, and the old ones go."""

import json
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace

from lab.console.limits import (
    KEEP_BYTES,
    KEEP_SECONDS,
    KEEP_TRACES,
    MAX_TRACE,
    MAX_TRACE_SPANS,
    MAX_WAITING,
)
from lab.console.store import COLUMNS, Store
from lab.console.summary import Summary

log = logging.getLogger("lab.console")

GATHER = 0.05
"""Seconds for which a first chunk waits for others: a transaction costs as much as ten chunks."""

TIDY_UP = 2.0
"""Seconds between two looks at what is too much."""

SLICE = 500
"""Traces that are forgotten in one transaction, so that what has come need not wait for long."""

PLACES = ", ".join("?" * (len(fields(Summary)) + 2))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Spans of one trace that came together."""

    summary: Summary
    body: bytes
    """As store.pack() made it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept at most."""

    traces: int = KEEP_TRACES
    bytes: int = KEEP_BYTES
    seconds: float = KEEP_SECONDS


class Writer:
    """Takes chunks from any thread, never waits for the disk; ``close()`` writes what is left."""

    def __init__(self, store: Store, bounds: Bounds = Bounds(), waiting: int = MAX_WAITING) -> None:
        self.written = self.dropped = 0
        """Spans."""
        self._store = store
        self._bounds = bounds
        self._most_waiting = waiting
        self._waiting: list[Chunk] = []
        self._bytes = 0
        self._closing = False
        self._excess = 0
        self._counted = 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """To be called in the process that shall write."""
        self._thread.start()

    def put(self, chunks: Iterable[Chunk]) -> bool:
        """Leaves chunks to be written; False, and all of them dropped, where too much waits."""
        chunks = list(chunks)
        size = sum(len(chunk.body) for chunk in chunks)
        with self._changed:
            if self._closing or self._bytes + size > self._most_waiting:
                self.dropped += sum(chunk.summary.spans for chunk in chunks)
                return False
            self._waiting += chunks
            self._bytes += size
            if len(self._waiting) == len(chunks):
                self._changed.notify()
        return True

    def close(self) -> None:
        """Waits until all is written."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with closing(self._store.connect()) as connection:
            while not self._closing or self._waiting:
                self._attempt(connection, self._gather())
                self._tidy_up(connection)

    def _gather(self) -> list[Chunk]:
        with self._changed:
            if not self._waiting and not self._closing:
                self._changed.wait(TIDY_UP)
            if self._waiting and not self._closing:
                self._changed.wait(GATHER)
            chunks, self._waiting, self._bytes = self._waiting, [], 0
        return chunks

    def _attempt(self, connection: sqlite3.Connection, chunks: list[Chunk]) -> None:
        spans = sum(chunk.summary.spans for chunk in chunks)
        try:
            written = write(connection, chunks) if chunks else 0
            self.written += written
            self.dropped += spans - written
        except Exception as error:  # such as a full disk; the next ones may fit again
            self.dropped += spans
            known = isinstance(error, sqlite3.Error)
            path = self._store.path
            log.error("%d spans are lost: %s: %s", spans, path, error, exc_info=not known)

    def _tidy_up(self, connection: sqlite3.Connection) -> None:
        """Forgets a slice of what is too much, after each batch, and counts anew now and then."""
        try:
            if time.monotonic() - self._counted > TIDY_UP:
                self._excess = excess(connection, self._bounds, time.time())
                self._counted = time.monotonic()
            if self._excess:
                forget(connection, min(self._excess, SLICE))
                self._excess = max(0, self._excess - SLICE)
        except sqlite3.Error as error:
            log.error("cannot forget old traces: %s: %s", self._store.path, error)


def write(connection: sqlite3.Connection, chunks: Sequence[Chunk]) -> int:
    """Writes chunks and what they change in one transaction; the number of spans that had room.

    Raises sqlite3.Error, and has written nothing then.
    """
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back
        last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'")
        (first,) = last.fetchone() or (0,)
        known = summaries(connection, {chunk.summary.trace_id for chunk in chunks})
        rows = {}
        kept = []
        for number, chunk in enumerate(chunks, first + 1):
            trace_id = chunk.summary.trace_id
            new = replace(chunk.summary, bytes=len(chunk.body))
            total = known[trace_id].merge(new) if trace_id in known else new
            if total.bytes > MAX_TRACE or total.spans > MAX_TRACE_SPANS:
                continue
            known[trace_id] = total
            rows[trace_id] = number
            kept.append((number, trace_id, chunk.body))
        connection.executemany("INSERT INTO chunks (id, trace_id, body) VALUES (?, ?, ?)", kept)
        now = int(time.time())
        connection.executemany(
            f"INSERT OR REPLACE INTO traces ({COLUMNS}, changed, arrived) VALUES ({PLACES})",
            [(*astuple(known[trace_id]), number, now) for trace_id, number in rows.items()],
        )
    places = {number for number, _, _ in kept}
    return sum(c.summary.spans for n, c in enumerate(chunks, first + 1) if n in places)


def summaries(connection: sqlite3.Connection, trace_ids: Iterable[str]) -> dict[str, Summary]:
    """What is known of these traces so far."""
    wanted = json.dumps([*trace_ids])
    chosen = "trace_id IN (SELECT value FROM json_each(?))"
    rows = connection.execute(f"SELECT {COLUMNS} FROM traces WHERE {chosen}", [wanted])  # nosec B608
    return {summary.trace_id: summary for summary in (Summary(*row) for row in rows)}


def excess(connection: sqlite3.Connection, bounds: Bounds, now: float) -> int:
    """How many traces are too many, about: by number, by bytes, by age (``now``: time.time())."""
    count, size, old = connection.execute(
        "SELECT count(*), total(bytes), total(arrived < ?) FROM traces", [now - bounds.seconds]
    ).fetchone()
    by_size = count * (size - bounds.bytes) / size if size > bounds.bytes else 0
    return int(max(count - bounds.traces, math.ceil(by_size), old))


def forget(connection: sqlite3.Connection, number: int) -> None:
    """Deletes the traces for which nothing has come for the longest time."""
    oldest = "(SELECT trace_id FROM traces ORDER BY changed LIMIT ?)"
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.execute(f"DELETE FROM chunks WHERE trace_id IN {oldest}", [number])  # nosec B608
        connection.execute(f"DELETE FROM traces WHERE trace_id IN {oldest}", [number])  # nosec B608
