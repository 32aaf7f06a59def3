"""Shows what reached the application at the end of its way through proxy and server."""

import hashlib
import os
import threading
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

PLAIN = str | int | float | bool | None
SECRET_HEADERS = {"Authorization", "Cookie", "Proxy-Authorization"}
SECRET_KEYS = {f"HTTP_{name.upper().replace('-', '_')}" for name in SECRET_HEADERS}
BY_DJANGO = {"CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE"}  # kept in META; no server put them there
PIECE = 65_536  # bytes


@csrf_exempt  # it changes nothing, whatever the method
@never_cache
def inspect(request: HttpRequest) -> JsonResponse:
    """The request as JSON, for any method. The body is read to its end and not kept."""
    seen = {
        "method": request.method,
        "path": request.path,
        "query": dict(request.GET.lists()),
        "headers": {
            name: hidden(value) if name in SECRET_HEADERS else value
            for name, value in request.headers.items()
        },
        "body": measured_body(request),
        "worker": {"process": os.getpid(), "thread": threading.current_thread().name},
        "environ": shown_environ(request.META),
    }
    return JsonResponse(seen, json_dumps_params={"indent": 2})


def hidden(value: str) -> str:
    return f"(hidden: {len(value)} characters)"


def measured_body(request: HttpRequest) -> dict[str, Any]:
    # Django reads no body without a Content-Length, even where the server says with
    # wsgi.input_terminated that the input ends by itself, as it does for a chunked one.
    environ = request.META
    unbounded = environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH")
    source = environ["wsgi.input"] if unbounded else request
    length, digest = 0, hashlib.sha256()
    while piece := source.read(PIECE):
        length += len(piece)
        digest.update(piece)
    return {"length": length, "sha256": digest.hexdigest()}


def is_plain(value: object) -> bool:
    return isinstance(value, PLAIN) or (isinstance(value, tuple) and all(map(is_plain, value)))


def shown_environ(environ: dict[str, Any]) -> dict[str, Any]:
    """The plain values of a WSGI environ, without secrets.

    Some servers, wsgiref's among them, put the environment variables of their process in it, and
    these may hold passwords. What is the same in both is left out, but for the server's name, and
    so is what Django itself has added.
    """
    shown = {}
    for key, value in sorted(environ.items()):
        variable = key in os.environ and key != "SERVER_SOFTWARE"
        if is_plain(value) and not variable and key not in BY_DJANGO:
            shown[key] = hidden(str(value)) if key in SECRET_KEYS else value
    return shown
