"""HTTP Basic authentication (RFC 7617) for the API."""

import base64
from functools import wraps

from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from .errors import View, unauthorized


def user_of(request: HttpRequest) -> AbstractBaseUser | None:
    """The active user whose name and password the request carries, or None."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except ValueError:
        return None
    if "\0" in decoded:  # PostgreSQL can't even look for it
        return None
    name, _, password = decoded.partition(":")
    return authenticate(request, username=name, password=password)


def credentials_required(view: View) -> View:
    """Calls `view` with `request.user` set, or answers 401.

    The session's cookie does not count. A browser sends that along by itself, whoever made the
    request, which is why forms need a CSRF token, and why a view under this needs none.
    """

    @wraps(view)
    def check_first(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        user = user_of(request)
        if user is None:
            return unauthorized(request)
        request.user = user
        return view(request, *args, **kwargs)

    return check_first
