"""What became of requests, as the server and the application told the console.

A request's own thread computes for ``cpu`` seconds of the time between ``start`` and ``end``.  The
rest it waits, but not always for what it asked: while others of its process computed it may have
waited for the GIL, and while the machine was busy for a core.  Both are bounded here, and the
second is measured by driving.py.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lab.trace.console import Console, NoConsole
from lab.tracing.names import CPU_TIME, MODEL, ROUTE, SOFTWARE, Hop
from lab.tracing.sentence import is_sql
from lab.tracing.span import SERVER, Span, Value
from lab.tracing.trace import Node

PAGE = 500
"""Traces that are asked for at a time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it was in the application: nanoseconds since 1970, and seconds.

    ``cpu`` is None where the server does not tell it, ``thread`` and ``pid`` are 0.  ``others``:
    how long it may have waited for others to compute, at most.  ``unserved``: how long the machine
    let it wait for a core, where that was measured.
    """

    what: str
    target: str
    start: int
    end: int
    pid: int
    cpu: float | None
    thread: int = 0
    queue: float = 0.0
    sql: float = 0.0
    method: str = "GET"
    status: int | None = None
    server: str = ""
    model: str = ""
    others: float = 0.0
    unserved: float = 0.0

    @property
    def wall(self) -> float:
        """Seconds that a thread had it."""
        return max(0, self.end - self.start) / 1e9


def see(spans: Sequence[Span], what: str = "") -> Seen | None:
    """What the spans of one trace tell; None where neither server nor application told.

    ``what`` is its name; left out: its route, else its path.
    """
    server = first(spans, Hop.SERVER)
    within = server or first(spans, Hop.APPLICATION)
    if within is None:
        return None
    queues = [span for span in spans if span.hop == Hop.SERVER and span.name == "queue"]
    start, end = on_thread(spans, within, queues)
    said = {**(first(spans, Hop.APPLICATION) or within).attributes, **within.attributes}
    path, query = str(said.get("url.path", "")), str(said.get("url.query", ""))
    status = said.get("http.response.status_code")
    return Seen(
        what=what or route_of(spans) or path,
        target=f"{path}?{query}" if query else path,
        start=start,
        end=end,
        pid=int(number(within.resource.get("process.pid")) or 0),
        cpu=number(said.get(CPU_TIME)),
        thread=int(number(said.get("thread.id")) or 0),
        queue=sum(map(seconds, queues)),
        sql=sum(map(seconds, filter(is_statement, spans))),
        method=str(said.get("http.request.method", "")),
        status=status if isinstance(status, int) else None,
        server=str(said.get(SOFTWARE) or within.resource.get("service.name", "")),
        model=str(said.get(MODEL, "")),
    )


def on_thread(spans: Sequence[Span], within: Span, queues: Sequence[Span]) -> tuple[int, int]:
    """When a thread had the request, which is the time that its CPU time is told of.

    paceline has one while it calls the application, and tells what it receives before apart;
    gunicorn from the head to the last byte of the answer; of others the application alone tells.
    """
    steps = {span.name: span for span in spans if span.hop == Hop.SERVER}
    if "receive" in steps and "application" in steps:
        return steps["application"].start, steps["application"].end
    taken = max((span.end for span in queues), default=within.start)
    return max(within.start, taken), within.end


def first(spans: Iterable[Span], hop: Hop) -> Span | None:
    """The span that is all that a hop did: none of the hop stands above it."""
    own = [span for span in spans if span.hop == hop]
    ids = {span.span_id for span in own}
    tops = [span for span in own if span.parent_id not in ids]
    return min(tops, key=lambda span: (span.kind != SERVER, span.start), default=None)


def is_statement(span: Span) -> bool:
    """Whether it is one of SQL."""
    return is_sql(Node(span, span.start, span.end))


def route_of(spans: Iterable[Span]) -> str:
    """The pattern of addresses that a framework found, with a slash before it."""
    for span in spans:
        if ROUTE in span.attributes:
            return "/" + str(span.attributes[ROUTE]).lstrip("^/")
    return ""


def seconds(span: Span) -> float:
    """How long it took."""
    return max(0, span.end - span.start) / 1e9


def number(value: Value | None) -> float | None:
    """The value where it is a number."""
    return float(value) if isinstance(value, int | float) else None


def with_others(requests: Iterable[Seen]) -> list[Seen]:
    """The requests by time, each with the CPU that others used in its process meanwhile.

    Of one that overlaps in part its CPU counts in proportion, and never more than the time that
    both were there.
    """
    found: list[Seen] = []
    under_way: list[int] = []
    for seen in sorted(requests, key=lambda seen: seen.start):
        under_way = [i for i in under_way if found[i].end > seen.start]
        for i in under_way:
            other = found[i]
            if other.pid == seen.pid:
                both = (min(other.end, seen.end) - seen.start) / 1e9
                found[i] = replace(other, others=other.others + share(seen, both))
                seen = replace(seen, others=seen.others + share(other, both))
        under_way.append(len(found))
        found.append(seen)
    return found


def share(seen: Seen, both: float) -> float:
    """The CPU that a request used in a part of its time."""
    return min(both, (seen.cpu or 0.0) * both / seen.wall) if seen.wall else 0.0


def crowded(requests: Iterable[Seen], load: float) -> list[Seen]:
    """The same on a machine with ``load`` threads for each core that were ready, on average.

    A thread among so many takes so many times as long to compute, which nobody has measured here.
    """
    return [
        replace(seen, others=seen.others + (seen.cpu or 0.0) * max(0.0, load - 1))
        for seen in requests
    ]


def cores_at_once(requests: Iterable[Seen]) -> float:
    """The most cores that one process was busy on while several of its requests were under way.

    The GIL allows one; code in C that releases it, or a Python without it, more.
    """
    most = 0.0
    by_process: dict[int, list[Seen]] = {}
    for seen in requests:
        by_process.setdefault(seen.pid, []).append(seen)
    for own in by_process.values():
        busy = cpu = 0.0
        for crowd in crowds(own):
            if len(crowd) > 1:
                busy += (max(seen.end for seen in crowd) - crowd[0].start) / 1e9
                cpu += sum(seen.cpu or 0.0 for seen in crowd)
        most = max(most, cpu / busy if busy else 0.0)
    return most


def crowds(requests: Iterable[Seen]) -> Iterator[list[Seen]]:
    """Requests that overlap, or hang together by others that do."""
    crowd: list[Seen] = []
    until = 0
    for seen in sorted(requests, key=lambda seen: seen.start):
        if crowd and seen.start >= until:
            yield crowd
            crowd, until = [], 0
        crowd.append(seen)
        until = max(until, seen.end)
    if crowd:
        yield crowd


def stored(console: Console, since: int, most: int) -> Iterator[Seen]:
    """The requests that began after ``since`` (nanoseconds), newest first, of ``most`` traces.

    Raises NoConsole.
    """
    before = ""
    while most > 0:
        listed = console.ask(f"/traces.json?limit={min(PAGE, most)}{before}")
        try:
            rows = json.loads(listed)["traces"]
            ids = [str(row["trace_id"]) for row in rows if int(row["started"]) >= since]
            before = f"&before={int(rows[-1]['started'])}" if rows else ""
        except (ValueError, KeyError, TypeError) as error:
            raise NoConsole(f"{console.url} gave no list of traces: {error}") from error
        for trace_id in ids:
            seen = see(console.get(trace_id))
            if seen:
                yield seen
        if len(ids) < len(rows) or not rows:
            return
        most -= len(rows)
