"""What a client gets when a request goes wrong, as a page and as JSON."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from guestbook.models import Entry

pytestmark = pytest.mark.usefixtures("db")

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}  # as a browser asks


def test_401_says_how_to_log_in(visitor: Client) -> None:
    answer = visitor.get("/api/me/", headers=PAGE)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Basic realm="guestbook", charset="UTF-8"'
    assert "<h1>Unauthorized</h1>" in answer.content.decode()


def test_403_for_a_form_without_its_token(visitor: Client, ada: User) -> None:
    visitor.force_login(ada)
    answer = visitor.post("/entries/new/", {"message": "forged"}, headers=PAGE)
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
    assert not Entry.objects.exists()


def test_403_for_a_form_of_another_site(visitor: Client, ada: User) -> None:
    visitor.force_login(ada)
    page = visitor.get("/entries/new/")
    form = {"message": "forged", "csrfmiddlewaretoken": page.context["csrf_token"]}
    headers = PAGE | {"origin": "https://example.com"}
    assert visitor.post("/entries/new/", form, headers=headers).status_code == 403
    assert visitor.post("/entries/new/", form, headers=PAGE).status_code == 302


READ = "GET, HEAD, OPTIONS"
FORM = "GET, POST, PUT, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/", READ),
        ("POST", "/", READ),
        ("PUT", "/entries/1/", READ),
        ("DELETE", "/entries/new/", FORM),
        ("PATCH", "/entries/1/edit/", FORM),
        ("DELETE", "/accounts/login/", FORM),
        ("DELETE", "/accounts/logout/", "POST, OPTIONS"),
        ("PATCH", "/accounts/signup/", FORM),
        ("POST", "/entries/1/attachment/", "GET, HEAD"),
        ("POST", "/export.csv", "GET, HEAD"),
        ("POST", "/api/me/", "GET, HEAD"),
        ("POST", "/workload/", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_405_comes_before_the_question_for_a_token(
    visitor: Client, method: str, path: str, allowed: str
) -> None:
    answer = visitor.generic(method, path, headers=PAGE)
    assert (answer.status_code, answer.get("Allow")) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/accounts/logout/", "POST, OPTIONS"),  # a browser that comes back to it
        ("POST", "/", READ),
        ("POST", "/export.csv", "GET, HEAD"),
    ],
)
def test_405_is_a_page_that_says_what_is_taken(
    visitor: Client, method: str, path: str, allowed: str
) -> None:
    answer = visitor.generic(method, path, headers=PAGE)
    assert (answer.status_code, answer.get("Allow")) == (405, allowed)
    assert "<h1>Method Not Allowed</h1>" in answer.content.decode()
    assert f"{method} means nothing at this address; it takes {allowed}." in answer.content.decode()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/entries/new/"),
        ("PUT", "/entries/new/"),
        ("POST", "/entries/{}/edit/"),
        ("POST", "/entries/{}/delete/"),
        ("DELETE", "/entries/{}/delete/"),
        ("POST", "/accounts/login/"),
        ("POST", "/accounts/logout/"),
        ("POST", "/accounts/signup/"),
    ],
)
def test_a_method_that_is_taken_needs_its_token(
    visitor: Client, entry: Entry, method: str, path: str
) -> None:
    visitor.force_login(entry.author)
    answer = visitor.generic(method, path.format(entry.pk), headers=PAGE)
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
    assert Entry.objects.get() == entry


def test_404(visitor: Client) -> None:
    answer = visitor.get("/nothing/here/", headers=PAGE)
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.content.decode()
    assert "Log in" in answer.content.decode()


def test_400_for_a_host_that_is_not_ours(visitor: Client) -> None:
    answer = visitor.get("/", headers=PAGE | {"host": "example.com"})
    assert answer.status_code == 400
    assert "<h1>Bad Request</h1>" in answer.content.decode()


def test_a_forwarded_host_is_not_believed(visitor: Client) -> None:
    headers = {"host": "example.com", "x-forwarded-host": "localhost"}
    assert visitor.get("/", headers=headers).status_code == 400


def test_a_forwarded_scheme_is_not_believed(visitor: Client) -> None:
    page = visitor.get("/", headers={"x-forwarded-proto": "https"}).content.decode()
    assert "over http<" in page
    assert "over https<" in visitor.get("/", secure=True).content.decode()


def test_500(visitor: Client) -> None:
    answer = visitor.get("/workload/error/", headers=PAGE)
    assert answer.status_code == 500
    assert "<h1>Internal Server Error</h1>" in answer.content.decode()
    assert "RuntimeError" not in answer.content.decode()


def test_500_page_takes_no_query(
    visitor: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what people get while the database is down."""
    visitor.force_login(ada)

    def down(*args: object) -> None:
        raise ConnectionError("the database is down")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", down)
    answer = visitor.get("/", headers=PAGE)
    assert answer.status_code == 500
    assert "<h1>Internal Server Error</h1>" in answer.content.decode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/me/", 401),
        ("GET", "/api/entries/0/", 404),
        ("GET", "/api/nothing/", 404),
        ("PUT", "/api/entries/", 405),
    ],
)
def test_the_api_fails_in_json(visitor: Client, method: str, path: str, status: int) -> None:
    answer = visitor.generic(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["status"] == status
    assert "Accept" in answer["Vary"]


def test_a_page_fails_in_json_for_who_prefers_that(visitor: Client) -> None:
    answer = visitor.get("/nothing/", headers={"accept": "application/json"})
    assert answer.json()["error"] == {"status": 404, "detail": "There is nothing at this address."}
    answer = visitor.get("/workload/error/", headers={"accept": "application/json"})
    assert answer.json()["error"]["status"] == 500


@pytest.mark.parametrize("path", ["/", "/nothing/", "/inspect/", "/api/entries/", "/export.csv"])
def test_headers_that_protect(visitor: Client, path: str) -> None:
    answer = visitor.get(path)
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_cookies_that_protect(ada: User) -> None:
    client = Client()
    form = {"username": "ada", "password": "lovelace-1815"}
    cookies = client.post("/accounts/login/", form).cookies
    assert set(cookies) == {"guestbook_session", "guestbook_csrf"}
    for cookie in cookies.values():
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
