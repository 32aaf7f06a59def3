"""A program: a Django project of unusual parts, recorded; prints what was, by the requests' paths.

DEBUG and ATOMIC_REQUESTS are on, so that each statement passes Django's own log of them as well.
"""

import json
import time
from functools import partial
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import path, re_path
from django.utils.decorators import async_only_middleware

from lab.tracing.django import instrument
from lab.tracing.recording import CURRENT, LONGEST_TAPE
from tests.unit.tracing.recorded import record


def function(get_response: Any) -> Any:
    return lambda request: get_response(request)


@async_only_middleware
def asynchronous(get_response: Any) -> Any:
    async def middleware(request: HttpRequest) -> HttpResponse:
        return await get_response(request)

    return middleware


def unused(get_response: Any) -> Any:
    raise MiddlewareNotUsed


class Hooks:
    """A middleware with every hook; they ask the database, so that one sees where they stand."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        execute("SELECT 'process_view'")

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        return None if "none" in request.GET else response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return HttpResponse("saved") if "save" in request.GET else None


def execute(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, *parameters)
        return list(cursor)


def many(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO numbers VALUES (%s)", [[n] for n in range(7)])
        cursor.execute("UPDATE numbers SET number = 0 WHERE number > 3")
        cursor.execute("SELECT number FROM numbers")
        one, two, rest = cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall()
        cursor.execute("SELECT number FROM numbers WHERE number > 100")
        nothing = cursor.fetchone()
        cursor.execute("SELECT number FROM numbers WHERE number = %s", [0])
        rows = list(cursor)
        cursor.execute("DELETE FROM numbers")
        cursor.execute("DELETE FROM numbers")
    return HttpResponse(json.dumps([one, two, rest, nothing, rows]))


def countless(request: HttpRequest) -> HttpResponse:
    """More statements than a recording has room for; the last span that has is a template's."""
    recording = CURRENT.get()
    with connection.cursor() as cursor:
        while recording is not None and len(recording.tape) < LONGEST_TAPE - 4:
            cursor.execute("SELECT 1")
            cursor.fetchall()

        def numbers() -> list[Any]:
            found = []
            for _ in range(3):
                cursor.execute("SELECT 7")
                found += cursor.fetchall()
            return found

        template = engines["django"].from_string("{% for row in numbers %}{{ row.0 }}{% endfor %}")
        return HttpResponse(template.render({"numbers": numbers}))


def slow(request: HttpRequest) -> HttpResponse:
    """Takes 5 ms to compute each row, which SQLite does when the row is fetched."""
    connection.connection.create_function("slow", 1, lambda number: time.sleep(0.005) or number)
    rows = execute("SELECT slow(1) UNION ALL SELECT slow(2) UNION ALL SELECT slow(3)")
    return HttpResponse(json.dumps(rows))


def broken(request: HttpRequest) -> HttpResponse:
    """Fails in the second row, in each way to fetch it; Django's errors are not the driver's."""
    connection.connection.create_function("broken", 1, lambda number: 1 // number)
    caught = []
    with connection.cursor() as cursor:
        for fetch in (lambda: cursor.fetchall()), (lambda: list(cursor)):
            cursor.execute("SELECT broken(1) UNION ALL SELECT broken(0)")
            try:
                fetch()
            except DatabaseError as error:
                caught.append(type(error).__name__)
    return HttpResponse(json.dumps(caught))


def bad(request: HttpRequest) -> HttpResponse:
    try:
        execute("SELECT secret FROM nowhere")
    except DatabaseError:
        connection.set_rollback(True)
    return HttpResponse("bad")


def failing(request: HttpRequest) -> HttpResponse:
    raise LookupError("a-secret")


@transaction.non_atomic_requests
async def awaited(request: HttpRequest) -> HttpResponse:
    if "fail" in request.GET:
        raise LookupError("a-secret")
    return HttpResponse("awaited")


class Page:
    """A view that is an object, with a partial around it, and renders after it has returned."""

    def __call__(self, request: HttpRequest, number: int) -> HttpResponse:
        return TemplateResponse(request, engines["django"].from_string("page {{ number }}"))


urlpatterns = [
    path("many/", many),
    path("countless/", countless),
    path("slow/", slow),
    path("broken/", broken),
    path("bad/", bad),
    path("failing/", failing),
    path("awaited/", awaited),
    re_path(r"^page/(?P<number>\d+)/$", partial(Page())),
]
settings.configure(
    DEBUG=True,
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of a test",
    MIDDLEWARE=[f"{__name__}.{name}" for name in ("unused", "function", "asynchronous", "Hooks")],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "unusual.sqlite3",
            "ATOMIC_REQUESTS": True,
        }
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()
with connection.cursor() as early:
    early.execute("CREATE TABLE numbers (number INTEGER)")
    # Late: Django is there, set up, and has a connection and a cursor.
    instrument()
    get_wsgi_application()
    early_cursor = record(lambda: early.execute("SELECT 1") and list(early))

client = Client(raise_request_exception=False)


def ask(path: str) -> Any:
    response = client.get(path)
    return response.status_code, response.content.decode()


paths = (
    "/many/ /countless/ /slow/ /broken/ /bad/ /failing/ /failing/?save "
    "/awaited/ /awaited/?fail /page/7/ /page/7/?none"
)
recorded = {path: record(lambda path=path: ask(path)) for path in paths.split()}
print(json.dumps(recorded | {"early": early_cursor, "plain": ask("/many/")}))
