"""A program: requests to the guestbook, recorded; prints what was, by the names of the requests."""

import json
import os
import sys
import threading
from typing import Any

from lab.tracing.django import instrument
from lab.tracing.recording import CURRENT, Recording

instrument()
instrument()
imported = [name for name in sys.modules if name.split(".")[0] == "django"]

from tests.unit.tracing.recorded import record  # noqa: E402

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import config.wsgi  # noqa: E402, F401
from config.preparation import collect_static, migrate  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from guestbook.models import Entry  # noqa: E402

migrate()
collect_static()
ada = User.objects.create_user("ada", password="lovelace-1815")
Entry.objects.bulk_create(Entry(author=ada, message=f"Message {n}") for n in range(45))
here = {"SERVER_NAME": "localhost", "raise_request_exception": False}
visitor, as_ada = Client(**here), Client(**here)
as_ada.force_login(ada)
strict = Client(**here, enforce_csrf_checks=True)


def ask(client: Client, method: str, path: str, data: Any = None, **how: Any) -> Any:
    response = getattr(client, method)(path, data, **how)
    return response.status_code, len(b"".join(response))


def in_a_thread() -> dict[str, Any]:
    found = []
    thread = threading.Thread(target=lambda: found.append(record(lambda: ask(visitor, "get", "/"))))
    thread.start()
    thread.join()
    return found[0]


def unrecorded() -> Any:
    """What is left of a recording that another thread has, while this one makes a request."""
    other, inside = Recording(), threading.Event()
    over = threading.Event()

    def have_it() -> None:
        CURRENT.set(other)
        inside.set()
        over.wait(20)

    thread = threading.Thread(target=have_it)
    thread.start()
    inside.wait(20)
    status = ask(visitor, "get", "/")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        left = [name for name in vars(cursor) if name not in ("cursor", "db")]
    over.set()
    thread.join()
    return {"result": status, "spans": other.spans, "attributes": other.attributes, "left": left}


sign = "/entries/new/", {"message": "a-secret-message"}
print(
    json.dumps(
        {
            "imported": imported,
            "list": record(lambda: ask(visitor, "get", "/?page=2")),
            "form": record(lambda: ask(as_ada, "get", "/entries/new/")),
            "sign": record(lambda: ask(as_ada, "post", *sign)),
            "delete": record(lambda: ask(as_ada, "post", "/entries/7/delete/")),
            "forged": record(lambda: ask(strict, "post", *sign)),
            "api": record(lambda: ask(visitor, "get", "/api/entries/")),
            "json": record(lambda: ask(visitor, "get", "/workload/json/")),
            "fails": record(lambda: ask(visitor, "get", "/workload/error/")),
            "missing": record(lambda: ask(visitor, "get", "/entries/1000/")),
            "nowhere": record(lambda: ask(visitor, "get", "/nowhere")),
            "export": record(lambda: ask(visitor, "get", "/export.csv")),
            "thread": in_a_thread(),
            "unrecorded": unrecorded(),
        }
    )
)
