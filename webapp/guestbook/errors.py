"""Answers to requests that went wrong: a page for people, JSON for programs."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

View = Callable[..., HttpResponse]


def respond(
    request: HttpRequest, status: int, detail: str, *, knows_user: bool = True
) -> HttpResponse:
    """A page, or JSON where the client would rather have that.

    `detail` says to the client what went wrong. `knows_user=False` makes a page without the name of
    who is logged in, which takes no query.
    """
    if _wants_json(request):
        body = {"error": {"status": status, "detail": detail}}
        response: HttpResponse = JsonResponse(body, status=status)
    else:
        shown = {"status": status, "reason": HTTPStatus(status).phrase, "detail": detail}
        page = render_to_string("error.html", shown, request if knows_user else None)
        response = HttpResponse(page, status=status)
    patch_vary_headers(response, ["Accept"])
    return response


def _wants_json(request: HttpRequest) -> bool:
    types = ["text/html", "application/json"]
    if request.path.startswith("/api/"):
        types.reverse()  # the first one wins where the client takes both alike
    return request.get_preferred_type(types) == "application/json"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 400, "The server could not make sense of this request.")


def unauthorized(request: HttpRequest) -> HttpResponse:
    response = respond(request, 401, "Send the name and password of your account (HTTP Basic).")
    response["WWW-Authenticate"] = 'Basic realm="guestbook", charset="UTF-8"'
    return response


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 403, str(exception))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token, or 405: Django asks for the token before the method."""
    match = request.resolver_match
    if view_class := getattr(match.func, "view_class", None):
        view = view_class(**match.func.view_initkwargs)
        view.setup(request, *match.args, **match.kwargs)
        method = request.method.lower()
        if method not in view.http_method_names or not hasattr(view, method):
            return method_not_allowed(request, view.http_method_not_allowed(request))
    detail = "This form is too old, or your browser keeps no cookies. Load it again and resend it."
    return respond(request, 403, detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 404, "There is nothing at this address.")


def method_not_allowed(request: HttpRequest, empty: HttpResponseNotAllowed) -> HttpResponse:
    allowed = empty["Allow"]
    detail = f"{request.method} means nothing at this address; it takes {allowed}."
    response = respond(request, 405, detail)
    response["Allow"] = allowed
    return response


def explaining_405(view: View) -> View:
    """The view, with an answer to read in place of Django's empty 405, which has no handler.

    Around views, since a middleware would look at every answer of the workloads too.
    """

    @wraps(view)
    def explained(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return method_not_allowed(request, response)
        return response

    return explained


def server_error(request: HttpRequest) -> HttpResponse:
    # Who is logged in stands in the database, which may be what failed.
    return respond(
        request, 500, "Something broke here. The server's log says what.", knows_user=False
    )
