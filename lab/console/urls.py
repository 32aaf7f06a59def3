"""Every address of the site; those of its pages are pages/urls.py, spans come to ingest.py."""

from django.conf import settings
from django.urls import include, path

from lab.console import api

handler404 = "lab.console.pages.shell.missing"

urlpatterns = [
    path("traces.json", api.traces, name="traces-json"),
    path("traces/<str:trace_id>.json", api.trace, name="trace-json"),
    path("healthz", api.health, name="health"),
    path(f"{settings.STATIC_URL.lstrip('/')}<path:path>", api.static_file),
    path("", include("lab.console.pages.urls")),
]
