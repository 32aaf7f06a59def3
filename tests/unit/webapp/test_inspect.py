"""/inspect/ shows what the application was given, and no secret."""

import hashlib
import io
import json

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client, RequestFactory
from workload.inspection import inspect


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_any_method_without_a_token(visitor: Client, method: str) -> None:
    answer = visitor.generic(method, "/inspect/", b"a body", "text/plain")
    assert answer.status_code == 200
    assert answer.json()["method"] == method
    assert answer.json()["body"]["length"] == 6


def test_head(visitor: Client) -> None:
    assert visitor.head("/inspect/").status_code == 200


def test_what_it_shows(visitor: Client) -> None:
    headers = {"host": "localhost:8080", "x-request-id": "0123"}
    answer = visitor.get("/inspect/?a=1&a=2&b=%C3%A4", headers=headers, SERVER_SOFTWARE="some/9")
    seen = answer.json()
    assert seen["path"] == "/inspect/"
    assert seen["query"] == {"a": ["1", "2"], "b": ["ä"]}
    assert seen["headers"]["X-Request-Id"] == "0123"
    assert seen["headers"]["Host"] == "localhost:8080"
    assert seen["environ"]["SERVER_SOFTWARE"] == "some/9"
    assert seen["environ"]["QUERY_STRING"] == "a=1&a=2&b=%C3%A4"
    assert seen["environ"]["wsgi.url_scheme"] == "http"
    assert seen["environ"]["wsgi.version"] == [1, 0]
    assert seen["environ"]["wsgi.multiprocess"] is True
    assert "wsgi.input" not in seen["environ"]
    assert seen["worker"]["process"] > 0
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("name", ["authorization", "cookie", "proxy-authorization"])
def test_what_it_hides(visitor: Client, name: str) -> None:
    answer = visitor.get("/inspect/", headers={name: "secret=5e5ame"})
    assert "5e5ame" not in answer.content.decode()
    assert answer.json()["headers"][name.title()] == "(hidden: 13 characters)"
    key = f"HTTP_{name.upper().replace('-', '_')}"
    assert answer.json()["environ"][key] == "(hidden: 13 characters)"


def test_what_django_puts_into_the_environ_is_not_shown(visitor: Client) -> None:
    visitor.get("/accounts/login/")
    token = visitor.cookies["guestbook_csrf"].value
    answer = visitor.get("/inspect/")
    assert token not in answer.content.decode()
    assert "HTTP_COOKIE" in answer.json()["environ"]  # it was sent
    assert not [name for name in answer.json()["environ"] if name.startswith("CSRF_")]


def test_the_environment_of_the_process_is_not_shown(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some servers copy it into each request's environ."""
    monkeypatch.setenv("PGPASSWORD", "5e5ame")
    monkeypatch.setenv("SERVER_SOFTWARE", "some/9")
    answer = visitor.get("/inspect/", PGPASSWORD="5e5ame", SERVER_SOFTWARE="some/9")
    assert "5e5ame" not in answer.content.decode()
    assert answer.json()["environ"]["SERVER_SOFTWARE"] == "some/9"


def test_the_body_is_read_and_not_kept(visitor: Client) -> None:
    body = bytes(range(256)) * 20_000  # past what Django would hold in memory
    told = visitor.generic("POST", "/inspect/", body).json()["body"]
    assert told == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("terminated", [True, False])
def test_a_body_of_no_known_length(terminated: bool) -> None:
    """Its end is known where the server says so; where not, nobody may read."""
    environ = RequestFactory().post("/inspect/").META
    del environ["CONTENT_LENGTH"]
    environ |= {"wsgi.input": io.BytesIO(b"chunks"), "wsgi.input_terminated": terminated}
    request = WSGIRequest(environ)
    told = json.loads(inspect(request).content)["body"]
    assert told["length"] == (6 if terminated else 0)


def test_odd_values_do_no_harm() -> None:
    request = RequestFactory().get("/inspect/")
    request.META |= {"x.tuple": (1, object()), "x.bytes": b"x", "x.list": [1], "x.none": None}
    seen = json.loads(inspect(request).content)["environ"]
    assert {key for key in seen if key.startswith("x.")} == {"x.none"}
