"""Which view answers which path."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    # First, so that a measurement is of the server, and not of the search for a view.
    path("", include("workload.urls")),
    path("", include("guestbook.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "guestbook.errors.bad_request"
handler403 = "guestbook.errors.forbidden"
handler404 = "guestbook.errors.not_found"
handler500 = "guestbook.errors.server_error"
