"""The addresses of the pages."""

from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_safe

from lab.console.pages import listing, now, one, send, side_by_side

urlpatterns: list[URLPattern] = [
    path("", require_safe(listing.home)),
    path("traces/", require_safe(listing.traces), name="traces"),
    path("traces/<str:trace_id>/", require_safe(one.trace), name="trace"),
    path("compare/", require_safe(side_by_side.compare), name="compare"),
    path("server/", require_safe(now.server), name="server"),
    path("server.json", require_safe(now.server_json), name="server-json"),
    path("metrics", require_safe(now.metrics), name="metrics"),
    path("send/", require_http_methods(["GET", "HEAD", "POST"])(send.send), name="send"),
]
