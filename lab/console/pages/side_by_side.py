"""Two traces beside each other, such as the same request through paceline and through gunicorn."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from lab.console.collector import collector
from lab.console.pages.compare import comparisons
from lab.console.pages.listing import Row
from lab.console.pages.one import find, heading
from lab.console.pages.reading import short
from lab.console.pages.shell import page
from lab.console.pages.units import clock
from lab.console.pages.waterfall import lay_out
from lab.console.store import Filters
from lab.tracing.assembly import Trace

CHOICES = 20
"""Traces that are offered as the second."""


def compare(request: HttpRequest) -> HttpResponse:
    """``a`` and ``b`` on one scale; with ``a`` alone, what ``b`` may be."""
    problems = []
    found: dict[str, Trace | None] = {}
    for letter in ("a", "b"):
        wanted = request.GET.get(letter, "").strip()
        found[letter] = find(wanted) if wanted else None
        if wanted and found[letter] is None:
            problems.append(f"There is no trace “{short(wanted, 64)}”, or it was forgotten.")
    a, b = found["a"], found["b"]
    there = [(letter, trace) for letter, trace in found.items() if trace is not None]
    scale = max((trace.duration for _, trace in there), default=0.0)
    return page(
        request,
        "compare",
        "compare",
        {
            "a": a,
            "b": b,
            "a_path": a.path if a else "",
            "problems": problems,
            "sides": [side(letter.upper(), trace, scale) for letter, trace in there],
            "lines": comparisons(a, b) if a and b else [],
            "choices": choices(a) if a and not b else [],
        },
    )


def side(letter: str, trace: Trace, scale: float) -> dict[str, Any]:
    """One of the two, on a scale of so many seconds."""
    return {
        **heading(trace),
        "letter": letter,
        "label": f"Spans of {letter}",
        "began": clock(trace.start),
        "waterfall": lay_out(trace, scale),
    }


def choices(trace: Trace) -> list[Row]:
    """The latest other traces of its path."""
    found = collector().store.find(Filters(path=trace.path), limit=200).rows
    alike = [each for each in found if each.path == trace.path and each.trace_id != trace.trace_id]
    return [*map(Row, alike[:CHOICES])]
