"""Answers for programs."""

import re
from dataclasses import asdict

from django.contrib.staticfiles.views import serve
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from lab.console.collector import collector
from lab.console.store import PAGE, Filters
from lab.tracing.parents import distinct
from lab.tracing.span import encode

TRACE_ID = re.compile("[0-9a-f]{32}")
MOST = 1000
"""Traces in one list."""


def trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    """A trace as OTLP/JSON, each span once, for any tool that reads it."""
    spans = collector().store.get(trace_id) if TRACE_ID.fullmatch(trace_id) else []
    if not spans:
        message = "nothing of this trace has come, or it was forgotten"
        return JsonResponse({"code": 5, "message": message}, status=404)
    response = JsonResponse(encode(distinct(spans)))
    response["Content-Disposition"] = f'inline; filename="{trace_id}.json"'
    return response


def traces(request: HttpRequest) -> HttpResponse:
    """The newest traces in short; ``before`` (nanoseconds) has those that began earlier."""
    try:
        before = int(request.GET["before"]) if "before" in request.GET else None
        limit = min(MOST, max(1, int(request.GET.get("limit", PAGE))))
        found = collector().store.find(Filters(), before=before, limit=limit)
    except (ValueError, OverflowError):
        message = "before and limit are whole numbers"
        return JsonResponse({"code": 3, "message": message}, status=400)
    return JsonResponse({"traces": [*map(asdict, found.rows)], "more": found.more})


def health(request: HttpRequest) -> HttpResponse:
    """Whether traces can be read, and how many spans came to what."""
    collector().store.find(Filters(), limit=1)
    return JsonResponse({"status": "ok", "spans": collector().counts()})


def static_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """One file of the version that the address names.  Raises Http404."""
    if not path:
        raise Http404
    response: HttpResponseBase = serve(request, path, insecure=True)  # else in DEBUG alone
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
