"""One trace."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from lab.console.collector import collector
from lab.console.pages import facts
from lab.console.pages.environ import Group, mapping
from lab.console.pages.facts import Fact
from lab.console.pages.listing import status_class, whole
from lab.console.pages.octets import passages
from lab.console.pages.reading import short, table, text
from lab.console.pages.shell import page
from lab.console.pages.waterfall import Row, label, lay_out
from lab.tracing import names
from lab.tracing.assembly import Trace, assemble
from lab.tracing.names import Hop

TRACE_ID = re.compile("[0-9a-f]{32}")

PATIENCE = 8
"""How often a page waits for a trace, a second each time."""

YOUNG = 10.0
"""Seconds after which nothing more is expected of a request."""


@dataclass(frozen=True, slots=True)
class Panel:
    """All that there is to say of one row."""

    id: str
    hop: str
    label: str
    name: str
    facts: Sequence[Fact]
    events: Sequence[Fact]
    attributes: Sequence[Fact]
    statement: str


def trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    """Its page; or, where nothing of it has come, one that waits for it."""
    found = find(trace_id)
    if found is None:
        return waiting(request, trace_id)
    waterfall = lay_out(found)
    context = {
        **heading(found),
        "summary": facts.summary(found),
        "spans": sum(1 for _ in found.walk()),
        "young": time.time() - found.start / 1e9 - found.duration < YOUNG,
        "waterfall": waterfall,
        "panels": [panel(row, found) for row in waterfall.rows],
        "server_facts": facts.of_server(found),
        "usages": facts.usages(found),
        "unknown": facts.unknown(found),
        "statements": facts.statements(found),
        "passages": passages(found),
        "groups": environ(found),
    }
    return page(request, "trace", "traces", context)


def heading(trace: Trace) -> dict[str, Any]:
    """What stands over a trace, here and in the comparison."""
    return {
        "trace": trace,
        "method": short(trace.method, 20) or "?",
        "path": short(trace.path, 300) or "(no path told)",
        "server": short(trace.server, 40),
        "sentence": short(trace.sentence, 400),
        "status_class": status_class(trace.status),
    }


def find(trace_id: str) -> Trace | None:
    """A trace put together, where anything of it is there."""
    spans = collector().store.get(trace_id) if TRACE_ID.fullmatch(trace_id) else []
    return assemble(spans) if spans else None


def waiting(request: HttpRequest, trace_id: str) -> HttpResponse:
    """404, in a page that looks again by itself for some seconds."""
    waited = whole(request.GET.get("waited")) or 0
    waits = waited < PATIENCE and TRACE_ID.fullmatch(trace_id) is not None
    context = {"trace_id": short(trace_id, 64), "waits": waits, "next": waited + 1}
    return page(request, "waiting", "traces", context, status=404)


def panel(row: Row, trace: Trace) -> Panel:
    """Of one row."""
    node = row.node
    return Panel(
        row.id,
        row.hop,
        label(node),
        short(node.span.name),
        facts.of_node(node, trace),
        facts.events(node, trace),
        facts.attributes(node),
        short(text(node.span.attributes, names.SQL), facts.LONGEST),
    )


def environ(trace: Trace) -> list[Group]:
    """How the head that the server received became the environ, where it told that."""
    node = facts.teller(trace, Hop.SERVER, [names.ENVIRON])
    if node is None:
        return []
    said = node.span.attributes
    return mapping(text(said, names.REQUEST_HEAD), table(said, names.ENVIRON))
