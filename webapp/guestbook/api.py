"""The guestbook as JSON. Reading is free; writing needs HTTP Basic credentials.

GET    /api/entries/?page=N   a page of entries, the newest first
POST   /api/entries/          {"message": "..."} → 201 with its Location
GET    /api/entries/ID/       one entry
DELETE /api/entries/ID/       → 204; 403 for anyone but its author
GET    /api/me/               whose credentials these are

GET answers carry ETag and Last-Modified, and are 304 for a client that has them already. DELETE
heeds If-Match and If-Unmodified-Since (412).
"""

import json
from datetime import datetime
from typing import Any

from django.core.paginator import InvalidPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition, require_http_methods, require_safe

from .basic_auth import credentials_required
from .errors import respond
from .forms import EntryForm
from .models import Entry

PAGE_SIZE = 50

# Without it, a cache may take Last-Modified as a hint for how long not to ask (RFC 9111, 4.2.2).
revalidated = cache_control(no_cache=True)


def as_json(entry: Entry) -> dict[str, Any]:
    file = {"name": entry.attachment_name, "url": reverse("guestbook:attachment", args=[entry.pk])}
    return {
        "id": entry.pk,
        "url": reverse("guestbook:api-entry", args=[entry.pk]),
        "author": entry.author.username,
        "message": entry.message,
        "created": entry.created,
        "changed": entry.changed,
        "attachment": file if entry.attachment else None,
    }


def _list_version(request: HttpRequest) -> dict[str, Any]:
    # Asked for twice in a request, for the ETag and for Last-Modified.
    if not hasattr(request, "list_version"):
        request.list_version = Entry.objects.version()
    return request.list_version


def _list_etag(request: HttpRequest) -> str:
    version = _list_version(request)
    changed = version["changed"]
    return f'"{version["count"]}-{changed.timestamp() if changed else 0}"'


def _list_changed(request: HttpRequest) -> datetime | None:
    return _list_version(request)["changed"]


@condition(etag_func=_list_etag, last_modified_func=_list_changed)
def _read_list(request: HttpRequest) -> HttpResponse:
    pages = Paginator(Entry.objects.newest_first(), PAGE_SIZE)
    try:
        page = pages.page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404(str(error)) from error
    return JsonResponse(
        {
            "count": pages.count,
            "pages": pages.num_pages,
            "page": page.number,
            "next": f"?page={page.next_page_number()}" if page.has_next() else None,
            "entries": [as_json(entry) for entry in page],
        }
    )


@credentials_required
def _add(request: HttpRequest) -> HttpResponse:
    # No page of another site can send this type without asking first (a CORS preflight, which
    # nothing here grants), even where the browser remembers somebody's credentials.
    if request.content_type != "application/json":
        return respond(request, 415, "Send application/json.")
    try:
        message = json.loads(request.body)["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        message = None
    form = EntryForm({"message": message})
    form.instance.author = request.user
    if not isinstance(message, str) or not form.is_valid():
        return respond(request, 400, 'Send {"message": "text of 1 to 2000 characters"}.')
    entry = form.save()
    location = reverse("guestbook:api-entry", args=[entry.pk])
    return JsonResponse(as_json(entry), status=201, headers={"Location": location})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@revalidated
def entries(request: HttpRequest) -> HttpResponse:
    return _add(request) if request.method == "POST" else _read_list(request)


def _entry(request: HttpRequest, pk: int) -> Entry:
    if not hasattr(request, "entry"):
        request.entry = get_object_or_404(Entry.objects.newest_first(), pk=pk)
    return request.entry


def _entry_etag(request: HttpRequest, pk: int) -> str:
    return f'"{_entry(request, pk).changed.timestamp()}"'


def _entry_changed(request: HttpRequest, pk: int) -> datetime:
    return _entry(request, pk).changed


@credentials_required
def _delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = _entry(request, pk)
    if found.author != request.user:
        return respond(request, 403, f"Only {found.author} may delete this entry.")
    found.delete()
    return HttpResponse(status=204)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "DELETE"])
@revalidated
@condition(etag_func=_entry_etag, last_modified_func=_entry_changed)
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method == "DELETE":
        return _delete(request, pk)
    return JsonResponse(as_json(_entry(request, pk)))


@csrf_exempt  # it only reads; another method gets its 405, not a 403
@require_safe
@cache_control(no_store=True)
@credentials_required
def me(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"name": request.user.username, "entries": request.user.entries.count()})
