"""Every address of the console; those of its pages are pages/urls.py."""

from django.conf import settings
from django.urls import include, path

from lab.console import api, ingest

urlpatterns = [
    path("v1/traces", ingest.traces, name="ingest"),
    path("v1/recordings", ingest.recordings, name="recordings"),
    path("traces/<str:trace_id>.json", api.trace, name="trace-json"),
    path("healthz", api.health, name="health"),
    path(f"{settings.STATIC_URL.lstrip('/')}<path:path>", api.static_file),
    path("", include("lab.console.pages.urls")),
]
