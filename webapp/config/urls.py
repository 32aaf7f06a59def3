"""Which view answers which path."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("guestbook.urls")),
    path("", include("workload.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "guestbook.errors.bad_request"
handler403 = "guestbook.errors.forbidden"
handler404 = "guestbook.errors.not_found"
handler500 = "guestbook.errors.server_error"
