"""The store: what a list shows, what is found again, what is forgotten."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.console import writer as writing
from lab.console.collector import chunks
from lab.console.store import Filters, Store, pack
from lab.console.summary import Summary, summarize
from lab.console.writer import Bounds, Writer, excess, write
from lab.tracing.assembly import assemble
from lab.tracing.names import SOFTWARE, Hop
from lab.tracing.span import Span
from tests.services.stack import eventually
from tests.unit.tracing.traces import MS, NOON, TRACE, request, span


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data" / "traces.sqlite3")


@pytest.fixture
def connection(store: Store) -> Iterator[sqlite3.Connection]:
    with closing(store.connect()) as connection:
        yield connection


def keep(connection: sqlite3.Connection, *spans: Span) -> int:
    by_trace: dict[str, list[Span]] = {}
    for each in spans:
        by_trace.setdefault(each.trace_id, []).append(each)
    return write(connection, [*chunks(by_trace, None)])


def one(number: int, ms: float = 10, **attributes: Any) -> Span:
    """A request of its own that began ``number`` s past noon."""
    made = span(1, None, Hop.SERVER, "GET /", number * 1000, number * 1000 + ms, **attributes)
    return replace(made, trace_id=f"{number:032x}")


def numbers(rows: Sequence[Summary]) -> list[int]:
    return [int(row.trace_id, 16) for row in rows]


def test_a_trace_is_found_again_whole(store: Store, connection: sqlite3.Connection):
    spans = [replace(each, events=[]) for each in request()]
    for part in (spans[5:10], spans[:5], spans[10:]):
        assert keep(connection, *part) == len(part)
    found = store.get(TRACE)
    assert sorted(found, key=lambda s: s.span_id) == sorted(spans, key=lambda s: s.span_id)
    assert store.get("7" * 32) == []
    assert store.count_spans() == len(spans)


@pytest.mark.parametrize("body", [b"", pack(b"<190>"), pack(b"{}}"), pack(b"[" * 100_000)])
def test_a_part_that_cannot_be_read_spoils_no_other(
    store: Store, connection: sqlite3.Connection, body: bytes
):
    keep(connection, *request())
    connection.execute("INSERT INTO chunks (trace_id, body) VALUES (?, ?)", [TRACE, body])
    assert len(store.get(TRACE)) == len(request())


@given(st.permutations(request()), st.lists(st.integers(1, 18), max_size=4))
def test_a_summary_is_the_same_in_whichever_parts_it_comes(spans: list[Span], cuts: list[int]):
    edges = [0, *sorted(set(cuts)), len(spans)]
    total: Summary | None = None
    for start, end in pairwise(edges):
        if spans[start:end]:
            part = summarize(TRACE, spans[start:end], 100)
            total = part if total is None else total.merge(part)
    assert total is not None
    trace = assemble(spans)
    assert replace(total, bytes=0) == summarize(TRACE, request(), 0)
    assert (total.method, total.path, total.status) == (trace.method, trace.path, trace.status)
    assert (total.server, total.error, total.hop_names) == (trace.server, trace.error, trace.hops)
    assert total.duration == pytest.approx(trace.duration)
    assert total.started == trace.start


def test_an_error_is_the_innermost_ones(store: Store, connection: sqlite3.Connection):
    keep(connection, span(1, None, Hop.PROXY, "GET /", 0, 9, error="500"))
    keep(connection, span(3, 2, Hop.APPLICATION, "view a.b", 2, 7, error="KeyError: 'name'"))
    keep(connection, span(2, 1, Hop.SERVER, "GET /", 1, 8, error="500"))
    assert store.find(Filters()).rows[0].error == "KeyError: 'name'"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [5, 4, 3, 2, 1]),
        (Filters(path="/b"), [3, 2]),
        (Filters(path="%"), [5]),
        (Filters(path="nowhere"), []),
        (Filters(status="404"), [2]),
        (Filters(status="5xx"), [4]),
        (Filters(status="5XX"), [4]),
        (Filters(status="teapot"), []),
        (Filters(status="٤٠٤"), []),
        (Filters(server="paceline"), [5, 4, 3, 2]),
        (Filters(server="paceline/0.1.0"), [2]),
        (Filters(server="pace"), []),
        (Filters(server="gunicorn"), [1]),
        (Filters(min_ms=10.5), [5, 4, 3]),
        (Filters(min_ms=20, max_ms=30), [4, 3]),
        (Filters(max_ms=5), [1]),
        (Filters(errors=True), [5, 4]),
        (Filters(path="/b", min_ms=11), [3]),
    ],
)
def test_filters(
    store: Store, connection: sqlite3.Connection, filters: Filters, expected: list[int]
):
    status = "http__response__status_code"
    known = {SOFTWARE.replace(".", "__"): "paceline/0.1.0"}
    old = replace(one(1, 5, url__path="/a", **{status: 200}), resource={"service.name": "gunicorn"})
    keep(connection, old, one(2, 10, url__path="/b", **{status: 404}, **known))
    keep(connection, one(3, 20, url__path="/b/c", **{status: 200}))
    keep(connection, one(4, 30, url__path="/a", **{status: 503}))
    keep(connection, replace(one(5, 40, url__path="/100%"), error="it broke"))
    assert numbers(store.find(filters).rows) == expected


def test_what_is_newer_than_a_list(store: Store, connection: sqlite3.Connection):
    assert store.find(Filters()).cursor == 0
    keep(connection, one(1), one(2))
    first = store.find(Filters())
    assert store.find(Filters(), after=first.cursor).rows == []
    keep(connection, one(3))
    # A trace that goes on is news too: its row has changed.
    keep(connection, replace(one(1), span_id="f" * 16, start=NOON + 500 * MS))
    second = store.find(Filters(), after=first.cursor)
    assert numbers(second.rows) == [3, 1]
    assert store.find(Filters(), after=second.cursor).rows == []
    assert store.find(Filters(path="/none"), after=first.cursor).cursor == second.cursor


def test_older_ones(store: Store, connection: sqlite3.Connection):
    keep(connection, *map(one, range(1, 8)))
    page = store.find(Filters(), limit=3)
    assert (numbers(page.rows), page.more) == ([7, 6, 5], True)
    page = store.find(Filters(), before=page.rows[-1].started, limit=4)
    assert (numbers(page.rows), page.more) == ([4, 3, 2, 1], False)


def test_servers_by_name(store: Store, connection: sqlite3.Connection):
    keep(connection, one(1), one(2), replace(one(3), resource={"service.name": "gunicorn"}))
    assert store.servers() == ["gunicorn", "paceline"]


def test_one_trace_has_a_bound(
    store: Store, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writing, "MAX_TRACE_SPANS", 3)
    assert keep(connection, one(1)) == 1
    again = [replace(one(1), span_id=f"{n:016x}") for n in range(2, 6)]
    assert keep(connection, *again) == 0  # all of a chunk or nothing
    assert keep(connection, *again[:2], one(2)) == 3
    assert len(store.get(f"{1:032x}")) == 3
    monkeypatch.setattr(writing, "MAX_TRACE", 10)
    assert keep(connection, one(3)) == 0


@pytest.mark.parametrize(
    ("bounds", "now", "expected"),
    [
        (Bounds(traces=4), 0, 6),
        (Bounds(traces=10), 0, 0),
        (Bounds(seconds=3600), 3601, 10),
        (Bounds(seconds=3600), 3500, 0),
    ],
)
def test_how_much_is_too_much(
    connection: sqlite3.Connection, bounds: Bounds, now: float, expected: int
):
    keep(connection, *map(one, range(1, 11)))
    assert excess(connection, bounds, time.time() + now) == expected


def test_how_many_bytes_are_too_many(connection: sqlite3.Connection):
    keep(connection, *map(one, range(1, 11)))
    (size,) = connection.execute("SELECT sum(bytes) FROM traces").fetchone()
    (body,) = connection.execute("SELECT sum(length(body)) FROM chunks").fetchone()
    assert size == body
    assert excess(connection, Bounds(bytes=size // 2), 0) == 5


def test_the_oldest_are_forgotten_while_it_works(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "TIDY_UP", 0.01)
    monkeypatch.setattr(writing, "SLICE", 3)
    writer = Writer(store, Bounds(traces=5))
    writer.start()
    for number in range(1, 21):
        assert writer.put(chunks({f"{number:032x}": [one(number)]}, None))
        # Each in a transaction of its own, so that the order of arrival is known.
        eventually(lambda number=number: writer.written == number)
    eventually(lambda: len(store.find(Filters()).rows) == 5)
    writer.close()
    assert numbers(store.find(Filters()).rows) == [20, 19, 18, 17, 16]
    assert store.get(f"{15:032x}") == []


def test_what_was_given_is_written_at_the_end(store: Store):
    writer = Writer(store)
    writer.start()
    for number in range(1, 101):
        writer.put(chunks({f"{number:032x}": [one(number)]}, None))
    writer.close()
    assert (writer.written, store.count_spans()) == (100, 100)
    assert not writer.put(chunks({f"{7:032x}": [one(7)]}, None))


def test_what_has_no_room_is_refused_and_counted(store: Store):
    small = [*chunks({f"{1:032x}": [one(1)]}, None)]
    writer = Writer(store, waiting=len(small[0].body) * 2)
    assert writer.put(small)
    assert writer.put(small)
    assert not writer.put(small)
    assert writer.dropped == 1
    writer.start()
    eventually(lambda: writer.written == 2)
    assert writer.put(small)
    writer.close()


def test_a_disk_that_fails_costs_what_was_at_hand(store: Store, monkeypatch: pytest.MonkeyPatch):
    writer = Writer(store)
    writer.start()
    with closing(store.connect()) as other:
        other.execute("ALTER TABLE chunks RENAME TO gone")
        writer.put(chunks({f"{1:032x}": [one(1)]}, None))
        eventually(lambda: writer.dropped == 1)
        other.execute("ALTER TABLE gone RENAME TO chunks")
    (odd,) = chunks({f"{1:032x}": [one(1)]}, None)
    writer.put([replace(odd, summary=replace(odd.summary, started=1 << 64))])  # no such integer
    eventually(lambda: writer.dropped == 2)
    writer.put(chunks({f"{2:032x}": [one(2)]}, None))
    eventually(lambda: writer.written == 1)
    writer.close()
