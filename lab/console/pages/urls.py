"""The addresses of the pages."""

from django.conf import settings
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

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

if settings.ENVIRONMENT.bench:
    from lab.console.pages import bench, bench_compare, bench_results

    urlpatterns += [
        path("bench/", require_http_methods(["GET", "HEAD", "POST"])(bench.bench), name="bench"),
        path("bench/stop/", require_POST(bench.stop), name="bench-stop"),
        path("bench/compare/", require_safe(bench_compare.compare), name="bench-compare"),
        path("bench/report.css", require_safe(bench_results.style), name="bench-style"),
        path("bench/<str:name>/", require_safe(bench_results.result), name="bench-result"),
        path("bench/<str:name>.html", require_safe(bench_results.alone), name="bench-alone"),
        path("bench/<str:name>.json", require_safe(bench_results.raw), name="bench-raw"),
    ]
else:  # the image has no bench, so nothing of it can be imported
    from lab.console.pages import bench_elsewhere

    urlpatterns += [path("bench/", require_safe(bench_elsewhere.bench), name="bench")]
