"""What Django does with a request, as spans: its middleware, the view, templates, SQL.

``instrument`` puts functions of the lab's around a few of Django's, when those are imported: no
setting of the project is changed, and where no request is recorded each of them costs a look at
CURRENT.  What they stand around, the same from Django 4.2 to 5.2:

    BaseHandler.load_middleware    builds the chain, once; here each middleware gets its span
    BaseHandler.resolve_request    knows the route
    BaseHandler.make_view_atomic   gets each request's view, and returns what is called for it
    Template.render                of a backend: templates within one another are one span
    CursorWrapper and others       see django_sql.py
"""

import inspect
from functools import partial, wraps
from threading import local
from types import ModuleType
from typing import Any

from lab.tracing import django_sql
from lab.tracing.calls import Function, around, dotted, recorded, recorded_async
from lab.tracing.imports import replace, when_imported
from lab.tracing.names import FUNCTION, ROUTE
from lab.tracing.recording import CURRENT

HOOKS = {
    "process_view": "_view_middleware",
    "process_template_response": "_template_response_middleware",
    "process_exception": "_exception_middleware",
}
"""Further methods that a middleware may have, and where a handler keeps them."""

UNNAMED = "<unknown source>"
"""As Django calls a template that was made of a text."""


def instrument() -> None:
    """Makes Django record what it does for a request.

    Before or after Django is imported, of which nothing is imported here; doing it again does
    nothing.  A handler that has loaded its middleware before has no spans for those.
    """
    when_imported("django.core.handlers.base", trace_handlers)
    when_imported("django.template.backends.django", trace_templates)
    when_imported("django.template.backends.jinja2", trace_templates)
    django_sql.instrument()


def trace_handlers(base: ModuleType) -> None:
    """Puts spans around the middleware and the view of each handler that is made from now on."""
    is_async = getattr(base, "iscoroutinefunction", inspect.iscoroutinefunction)
    trace_middleware(base, is_async)
    replace(base.BaseHandler, "resolve_request", keep_route)
    replace(base.BaseHandler, "make_view_atomic", lambda plain: trace_view(plain, is_async))


# --- Middleware -----------------------------------------------------------------------------------


class Loading(local):
    """What this thread loads: a middleware by its path in the settings; None: no middleware."""

    path: str | None = None


def trace_middleware(base: ModuleType, is_async: Function) -> None:
    """Follows ``load_middleware``, which knows of each its path, and then the object itself."""
    loading = Loading()

    def import_string(plain: Function) -> Function:
        def remember(path: str) -> Any:
            loading.path = path
            return plain(path)

        return remember

    def convert_exception_to_response(plain: Function) -> Function:
        # For each middleware, but first for the handler inside them all, which has no path.
        def convert(get_response: Function) -> Any:
            path, loading.path = loading.path, None
            if path is not None and not is_async(get_response):
                get_response = around(get_response, f"middleware {path}")
            return plain(get_response)

        return convert

    def load_middleware(plain: Function) -> Function:
        def load(self: Any, *args: Any, **kwargs: Any) -> None:
            loading.path = None  # where the last one said MiddlewareNotUsed, its path is left
            plain(self, *args, **kwargs)
            for hook, kept in HOOKS.items():
                methods = getattr(self, kept, None) or []
                methods[:] = [m if is_async(m) else around_hook(m, hook) for m in methods]

        return load

    replace(base, "import_string", import_string)
    replace(base, "convert_exception_to_response", convert_exception_to_response)
    replace(base.BaseHandler, "load_middleware", load_middleware)


def around_hook(method: Any, hook: str) -> Function:
    """A hook of a middleware with a span for each call."""
    current = CURRENT.get
    owner = getattr(method, "__self__", method)
    name = f"middleware {dotted(type(owner))}.{hook}"

    @wraps(method)
    def traced(*args: Any) -> Any:
        recording = current()
        if recording is None:
            return method(*args)
        return recorded(recording, name, None, method, *args)

    traced.__self__ = owner  # type: ignore[attr-defined]  # Django's messages name its class
    return traced


# --- View -----------------------------------------------------------------------------------------


def keep_route(plain: Function) -> Function:
    """Around ``resolve_request``: the route belongs to the request, even where no view is called.

    It begins with a slash, as a path does: Django's own leaves that out.
    """
    current = CURRENT.get

    def resolve_request(self: Any, request: Any) -> Any:
        match = plain(self, request)
        recording = current()
        if recording is not None:
            route = getattr(match, "route", None)
            if isinstance(route, str):
                recording.attributes[ROUTE] = "/" + route.removeprefix("^")
        return match

    return resolve_request


def trace_view(plain: Function, is_async: Function) -> Function:
    """Around ``make_view_atomic``: a view with its transaction, where it has one, is a span."""
    current = CURRENT.get

    def make_view_atomic(self: Any, view: Any) -> Any:
        called = plain(self, view)
        recording = current()
        if recording is None:
            return called
        function = dotted(getattr(view, "view_class", view))
        record = recorded_async if is_async(called) else recorded
        return partial(record, recording, f"view {function}", {FUNCTION: function}, called)

    return make_view_atomic


# --- Templates ------------------------------------------------------------------------------------


def trace_templates(backend: ModuleType) -> None:
    """Puts a span around each rendering that stands in no other one."""
    replace(backend.Template, "render", trace_template)


def trace_template(plain: Function) -> Function:
    current = CURRENT.get

    def render(self: Any, context: Any = None, request: Any = None) -> Any:
        recording = current()
        # Each form and each of its fields is a template too, inside the page's.
        if recording is None or recording.rendering:
            return plain(self, context, request)
        name = getattr(getattr(self, "template", None), "name", None) or UNNAMED
        recording.rendering = True
        try:
            return recorded(recording, f"template {name}", None, plain, self, context, request)
        finally:
            recording.rendering = False

    return render
