"""Workloads, each declared once: its address, its parameters' bounds and its line on the page."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from .parameters import BadParameterError, Whole

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Workload:
    name: str
    view: View
    parameters: dict[str, Whole]

    @property
    def description(self) -> str:
        return self.view.__doc__ or ""

    @property
    def example(self) -> str:
        query = "&".join(f"{name}={p.default}" for name, p in self.parameters.items())
        return f"/workload/{self.name}/" + (f"?{query}" if query else "")


workloads: list[Workload] = []


def workload(name: str, **parameters: Whole) -> Callable[[View], View]:
    """Serves a view at /workload/<name>/, for GET and HEAD, with the numbers of the query.

    A number past its bounds, or a BadParameterError from the view itself, is a 400 that says so.
    """

    def register(view: View) -> View:
        # It changes nothing, so there is nothing to forge: a POST gets its 405, not a 403.
        @csrf_exempt
        @require_safe
        @wraps(view)
        def within_bounds(request: HttpRequest) -> HttpResponseBase:
            try:
                numbers = {key: p.read(request.GET, key) for key, p in parameters.items()}
                return view(**numbers)
            except BadParameterError as error:
                return HttpResponse(f"{error}\n", status=400, content_type="text/plain")

        workloads.append(Workload(name, within_bounds, parameters))
        return within_bounds

    return register
