"""The page in the place of the bench's where there is none: in a container, say."""

from django.http import HttpRequest, HttpResponse

from lab.console.pages.shell import page


def bench(request: HttpRequest) -> HttpResponse:
    """Says how to run one."""
    return page(request, "bench_elsewhere", "bench", {})
