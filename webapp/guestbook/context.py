"""What every template may say about the way of its request."""

import os
import re
import threading
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f][13579bdf](-.*)?")
"""W3C Trace Context, of a request that is recorded: an odd flag says so."""


def answered_by(request: HttpRequest) -> dict[str, Any]:
    return {
        "server": request.META.get("SERVER_SOFTWARE", "a server that does not say its name"),
        "framework": f"Django {django.get_version()}",
        "process": os.getpid(),
        "thread": threading.current_thread().name,
        "trace_url": trace_url(request),
    }


def trace_url(request: HttpRequest) -> str:
    """Where the trace of a request is shown; empty where there is none, or no such place."""
    found = TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return settings.TRACE_URL.replace("{trace_id}", found[1]) if found else ""
