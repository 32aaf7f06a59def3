"""The guestbook as JSON."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import http_date
from guestbook.models import Entry

pytestmark = pytest.mark.usefixtures("db")


def basic(credentials: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


ADA = basic("ada:lovelace-1815")
GRACE = basic("grace:hopper-1906")


def post(client: Client, body: Any, headers: dict[str, str] = ADA, **options: Any) -> HttpResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    options = {"content_type": "application/json"} | options
    return client.post("/api/entries/", text, headers=headers, **options)


def test_a_page_of_entries(visitor: Client, many_entries: list[Entry], ada: User) -> None:
    for number in range(45, 60):
        Entry.objects.create(author=ada, message=f"Message {number}")
    first = visitor.get("/api/entries/").json()
    assert [first[key] for key in ("count", "pages", "page", "next")] == [60, 2, 1, "?page=2"]
    assert first["entries"][0]["message"] == "Message 59"
    assert first["entries"][0]["author"] == "ada"
    second = visitor.get("/api/entries/" + first["next"]).json()
    assert [entry["message"] for entry in second["entries"]] == [
        f"Message {number}" for number in range(9, -1, -1)
    ]
    assert second["next"] is None


@pytest.mark.parametrize("page", ["0", "3", "x", ""])
def test_a_page_that_is_none(visitor: Client, page: str) -> None:
    assert visitor.get("/api/entries/", {"page": page}).status_code == 404


def test_a_page_takes_three_queries(visitor: Client, many_entries: list[Entry]) -> None:
    with CaptureQueriesContext(connection) as queries:
        visitor.get("/api/entries/")
    assert len(queries) == 3, queries.captured_queries


def test_one_entry(visitor: Client, entry: Entry) -> None:
    answer = visitor.get(f"/api/entries/{entry.pk}/").json()
    assert answer["message"] == "Hello"
    assert answer["attachment"] is None
    assert datetime.fromisoformat(answer["created"]) - entry.created < timedelta(milliseconds=1)


@pytest.mark.parametrize("number", ["0", "99999999999999999999999"])
def test_no_such_entry(visitor: Client, number: str) -> None:
    assert visitor.get(f"/api/entries/{number}/").status_code == 404


@pytest.mark.parametrize("one", [False, True], ids=["list", "entry"])
class TestConditionalGet:
    @pytest.fixture
    def path(self, one: bool, entry: Entry) -> str:
        return f"/api/entries/{entry.pk}/" if one else "/api/entries/"

    def test_etag(self, visitor: Client, path: str) -> None:
        etag = visitor.get(path)["ETag"]
        again = visitor.get(path, headers={"if-none-match": etag})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == etag
        assert visitor.get(path, headers={"if-none-match": '"other"'}).status_code == 200
        # a proxy that compresses makes it a weak one
        assert visitor.get(path, headers={"if-none-match": f"W/{etag}"}).status_code == 304

    def test_last_modified(self, visitor: Client, path: str, entry: Entry) -> None:
        changed = datetime.now(UTC) - timedelta(hours=1)
        Entry.objects.update(changed=changed)
        modified = visitor.get(path)["Last-Modified"]
        assert modified == http_date(changed.timestamp())
        assert visitor.get(path, headers={"if-modified-since": modified}).status_code == 304
        entry.save()
        assert visitor.get(path, headers={"if-modified-since": modified}).status_code == 200

    def test_a_change_changes_the_etag(self, visitor: Client, path: str, entry: Entry) -> None:
        etag = visitor.get(path)["ETag"]
        entry.message = "Changed"
        entry.save()
        answer = visitor.get(path, headers={"if-none-match": etag})
        assert answer.status_code == 200
        assert "Changed" in answer.content.decode()

    def test_it_must_be_asked_again_each_time(self, visitor: Client, path: str) -> None:
        assert visitor.get(path)["Cache-Control"] == "no-cache"

    def test_head(self, visitor: Client, path: str) -> None:
        head, get = visitor.head(path), visitor.get(path)
        assert head.status_code == 200
        assert head.content == b""
        assert head["ETag"] == get["ETag"]
        assert head["Content-Length"] == get["Content-Length"]


def test_a_304_takes_one_query(visitor: Client, many_entries: list[Entry]) -> None:
    etag = visitor.get("/api/entries/")["ETag"]
    with CaptureQueriesContext(connection) as queries:
        visitor.get("/api/entries/", headers={"if-none-match": etag})
    assert len(queries) == 1, queries.captured_queries


def test_a_deleted_entry_changes_the_lists_etag(visitor: Client, many_entries: list[Entry]) -> None:
    etag = visitor.get("/api/entries/")["ETag"]
    many_entries[0].delete()
    assert visitor.get("/api/entries/")["ETag"] != etag


def test_an_empty_list_has_an_etag_too(visitor: Client) -> None:
    answer = visitor.get("/api/entries/")
    assert "Last-Modified" not in answer
    assert (
        visitor.get("/api/entries/", headers={"if-none-match": answer["ETag"]}).status_code == 304
    )


def test_post(visitor: Client, ada: User) -> None:
    answer = post(visitor, {"message": "From a script"})
    assert answer.status_code == 201
    assert visitor.get(answer["Location"]).json() == answer.json()
    assert Entry.objects.get().author == ada


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("ada:wrong"),
        basic("nobody:lovelace-1815"),
        basic("ada"),
        basic("a\0da:lovelace-1815"),
        {"authorization": "Basic not/base64!"},
        {"authorization": "Basic /w=="},
        {"authorization": "Bearer x"},
    ],
)
def test_post_needs_credentials(visitor: Client, ada: User, headers: dict[str, str]) -> None:
    answer = post(visitor, {"message": "x"}, headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic ")
    assert not Entry.objects.exists()


def test_a_session_is_no_credential(as_ada: Client) -> None:
    assert post(as_ada, {"message": "forged"}, {}).status_code == 401


def test_nor_is_an_account_that_is_closed(visitor: Client, ada: User) -> None:
    ada.is_active = False
    ada.save()
    assert post(visitor, {"message": "x"}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [" ", "{", "[]", "3", '{"message": ["x"]}', '{"message": null}', '{"text": "x"}', "[" * 100_000]
    + [json.dumps({"message": text}) for text in ("", " ", "x" * 2001, "\0")],
)
def test_a_body_that_is_none(visitor: Client, ada: User, body: str) -> None:
    answer = post(visitor, body)
    assert answer.status_code == 400
    assert "message" in answer.json()["error"]["detail"]
    assert not Entry.objects.exists()


def test_a_form_of_another_site_cannot_post(visitor: Client, ada: User) -> None:
    answer = post(visitor, '{"message": "forged"}', content_type="text/plain")
    assert answer.status_code == 415
    assert not Entry.objects.exists()


def test_delete(visitor: Client, entry: Entry) -> None:
    path = f"/api/entries/{entry.pk}/"
    assert visitor.delete(path).status_code == 401
    assert visitor.delete(path, headers=ADA | {"if-match": '"other"'}).status_code == 412
    assert Entry.objects.exists()
    assert visitor.delete(path, headers=ADA).status_code == 204
    assert not Entry.objects.exists()


def test_delete_somebody_elses(visitor: Client, entry: Entry, grace: User) -> None:
    answer = visitor.delete(f"/api/entries/{entry.pk}/", headers=GRACE)
    assert answer.status_code == 403
    assert answer.json()["error"]["detail"] == "Only ada may delete this entry."
    assert Entry.objects.exists()


def test_me(visitor: Client, entry: Entry) -> None:
    answer = visitor.get("/api/me/", headers=ADA)
    assert answer.json() == {"name": "ada", "entries": 1}
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/api/entries/", "GET, HEAD, POST"), ("/api/entries/1/", "GET, HEAD, DELETE")],
)
def test_a_wrong_method(visitor: Client, path: str, allowed: str) -> None:
    answer = visitor.patch(path)
    assert answer.status_code == 405
    assert answer["Allow"] == allowed
