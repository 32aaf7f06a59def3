"""The frame that all pages share."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from lab import typed

PAGES = (
    ("traces", "Traces"),
    ("compare", "Compare"),
    ("server", "Server now"),
    ("send", "Send"),
    ("bench", "Bench"),
)
"""Address by name, and what it is called."""

SHEETS = [
    f"console/{name}.css" for name in ("base", "traces", "waterfall", "bytes", "server", "bench")
]


def page(
    request: HttpRequest, name: str, here: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """A whole page; traces are of the moment, so no copy of it is kept anywhere."""
    shared = {"pages": PAGES, "here": here, "sheets": SHEETS, "lab": typed.lab()}
    answer = render(request, f"console/{name}.html", {**shared, **context}, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Where there is nothing: a page with the way to all others."""
    return page(request, "missing", "", {}, status=404)


def fragment(request: HttpRequest, name: str, context: Mapping[str, Any]) -> HttpResponse:
    """A part of a page, for the script that puts it in."""
    answer = render(request, f"console/{name}.html", context)
    answer["Cache-Control"] = "no-store"
    return answer
