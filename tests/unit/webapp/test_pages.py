"""The guestbook in a browser: reading, signing, one's own entries, accounts."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from guestbook.models import Entry

pytestmark = pytest.mark.usefixtures("db")


def token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]


def test_the_list_shows_the_newest_first(visitor: Client, many_entries: list[Entry]) -> None:
    page = visitor.get("/").content.decode()
    assert re.findall(r"Message \d+", page) == [f"Message {n}" for n in range(44, 24, -1)]
    assert "Page 1 of 3" in page


def test_the_last_page_holds_the_rest(visitor: Client, many_entries: list[Entry]) -> None:
    page = visitor.get("/?page=3").content.decode()
    assert len(re.findall(r"Message \d+", page)) == 5
    assert 'rel="prev" href="?page=2"' in page
    assert 'rel="next"' not in page


@pytest.mark.parametrize("page", ["0", "4", "-1", "x", "99999999999999999999"])
def test_a_page_that_is_none(visitor: Client, many_entries: list[Entry], page: str) -> None:
    assert visitor.get("/", {"page": page}).status_code == 404


def test_an_empty_guestbook_invites(visitor: Client) -> None:
    assert "Be the first" in visitor.get("/").content.decode()


def test_a_list_page_takes_two_queries(visitor: Client, many_entries: list[Entry]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        visitor.get("/")
    assert len(queries) == 2, queries.captured_queries  # how many there are; and the page


def test_logged_in_it_takes_two_more(as_ada: Client, many_entries: list[Entry]) -> None:
    with CaptureQueriesContext(connection) as queries:
        as_ada.get("/")
    assert len(queries) == 4, queries.captured_queries  # the session; and its user


def test_what_people_write_is_no_html(visitor: Client, ada: User) -> None:
    Entry.objects.create(author=ada, message="<script>alert(1)</script>\n\nNext")
    page = visitor.get("/").content.decode()
    assert "<script>" not in page
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in page


def test_the_footer_tells_the_way(visitor: Client) -> None:
    headers = {"x-forwarded-for": "192.0.2.7"}
    page = visitor.get("/", headers=headers, SERVER_SOFTWARE="some-server/9").content.decode()
    assert "some-server/9" in page
    assert "X-Forwarded-For" in page
    assert 'href="/inspect/"' in page
    assert 'href="/workload/"' in page
    assert "X-Forwarded-For" not in visitor.get("/").content.decode()


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("traceparent", "place", "link"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", "http://a/{trace_id}/?b", f"http://a/{TRACE}/?b"),
        (f"00-{TRACE}-b7ad6b7169203331-03", "http://a/{trace_id}/?b", f"http://a/{TRACE}/?b"),
        (f"00-{TRACE}-b7ad6b7169203331-02", "http://a/{trace_id}/", None),  # nobody records it
        (f"00-{TRACE}-b7ad6b7169203331-01", "", None),
        (f'00-{TRACE[:-1]}"-b7ad6b7169203331-01', "http://a/{trace_id}/", None),
        (f"00-{TRACE}0-b7ad6b7169203331-01", "http://a/{trace_id}/", None),
        ("", "http://a/{trace_id}/", None),
    ],
)
def test_the_footer_leads_to_the_trace_of_its_request(
    visitor: Client, traceparent: str, place: str, link: str | None
) -> None:
    with override_settings(TRACE_URL=place):
        page = visitor.get("/", headers={"traceparent": traceparent}).content.decode()
    found = re.search(r'href="([^"]*)">This request', page)
    assert (found and found[1]) == link


def test_whoever_wants_to_sign_logs_in_first(visitor: Client, ada: User) -> None:
    asked = visitor.get("/entries/new/")
    assert asked["Location"] == "/accounts/login/?next=/entries/new/"
    page = visitor.get(asked["Location"]).content.decode()
    login = {"username": "ada", "password": "lovelace-1815", "next": "/entries/new/"}
    login["csrfmiddlewaretoken"] = token(page)
    assert visitor.post("/accounts/login/", login)["Location"] == "/entries/new/"

    page = visitor.get("/entries/new/").content.decode()
    assert 'enctype="multipart/form-data"' in page
    form = {"message": "I was here", "csrfmiddlewaretoken": token(page)}
    page = visitor.post("/entries/new/", form, follow=True).content.decode()
    assert "I was here" in page
    assert "Thank you for signing." in page
    assert Entry.objects.get().author == ada


def test_a_wrong_password(visitor: Client, ada: User) -> None:
    form = {"username": "ada", "password": "wrong"}
    form["csrfmiddlewaretoken"] = token(visitor.get("/accounts/login/").content.decode())
    answer = visitor.post("/accounts/login/", form)
    assert "Please enter a correct username and password" in answer.content.decode()
    assert "_auth_user_id" not in visitor.session


def test_login_goes_to_no_other_site(visitor: Client, ada: User) -> None:
    form = {"username": "ada", "password": "lovelace-1815", "next": "https://example.com/"}
    form["csrfmiddlewaretoken"] = token(visitor.get("/accounts/login/").content.decode())
    assert visitor.post("/accounts/login/", form)["Location"] == "/"


@pytest.mark.parametrize("next_page", ["/entries/new/", "https://example.com/", "//example.com"])
def test_sign_up_logs_in(visitor: Client, next_page: str) -> None:
    page = visitor.get("/accounts/signup/", {"next": next_page}).content.decode()
    form = {"username": "mary", "password1": "somerville-1780", "password2": "somerville-1780"}
    form |= {"next": next_page, "csrfmiddlewaretoken": token(page)}
    ours = next_page == "/entries/new/"
    assert f'name="next" value="{next_page if ours else ""}"' in page
    answer = visitor.post("/accounts/signup/", form)
    assert answer["Location"] == (next_page if ours else "/")
    assert "mary" in visitor.get("/").content.decode()


def test_sign_up_explains_a_weak_password(visitor: Client) -> None:
    form = {"username": "mary", "password1": "12345678", "password2": "12345678"}
    form["csrfmiddlewaretoken"] = token(visitor.get("/accounts/signup/").content.decode())
    assert "too common" in visitor.post("/accounts/signup/", form).content.decode()
    assert not User.objects.exists()


def test_log_out(as_ada: Client) -> None:
    assert as_ada.get("/accounts/logout/").status_code == 405  # a link must not log anyone out
    assert as_ada.post("/accounts/logout/")["Location"] == "/"
    assert "Log in" in as_ada.get("/").content.decode()


@pytest.mark.parametrize("message", ["", "   ", "x" * 2001, "NUL \0 inside"])
def test_a_message_that_is_none(as_ada: Client, message: str) -> None:
    answer = as_ada.post("/entries/new/", {"message": message})
    assert "errorlist" in answer.content.decode()
    assert not Entry.objects.exists()


def test_one_edits_ones_own(as_ada: Client, entry: Entry) -> None:
    assert f'href="/entries/{entry.pk}/edit/"' in as_ada.get("/").content.decode()
    assert "Hello" in as_ada.get(f"/entries/{entry.pk}/edit/").content.decode()
    answer = as_ada.post(f"/entries/{entry.pk}/edit/", {"message": "Hello again"})
    assert answer["Location"] == f"/entries/{entry.pk}/"
    page = as_ada.get(answer["Location"]).content.decode()
    assert "Hello again" in page
    assert "has been changed" in page


def test_one_deletes_ones_own(as_ada: Client, entry: Entry) -> None:
    assert "Delete your entry?" in as_ada.get(f"/entries/{entry.pk}/delete/").content.decode()
    assert Entry.objects.exists()
    assert as_ada.post(f"/entries/{entry.pk}/delete/")["Location"] == "/"
    assert not Entry.objects.exists()


@pytest.mark.parametrize("action", ["edit", "delete"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_elses(entry: Entry, grace: User, action: str, method: str) -> None:
    client = Client()
    client.force_login(grace)
    assert "/edit/" not in client.get("/").content.decode()
    answer = getattr(client, method)(f"/entries/{entry.pk}/{action}/", {"message": "Mine now"})
    assert answer.status_code == 403
    assert "Only ada may change this entry." in answer.content.decode()
    assert Entry.objects.get().message == "Hello"


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_a_visitor_is_asked_who_it_is(entry: Entry, action: str) -> None:
    answer = Client().post(f"/entries/{entry.pk}/{action}/", {"message": "Mine now"})
    assert answer["Location"] == f"/accounts/login/?next=/entries/{entry.pk}/{action}/"
    assert Entry.objects.get().message == "Hello"


def test_the_admin(as_ada: Client, ada: User, entry: Entry) -> None:
    assert as_ada.get("/admin/guestbook/entry/").status_code == 302
    ada.is_staff = ada.is_superuser = True
    ada.save()
    assert "Hello" in as_ada.get("/admin/guestbook/entry/?q=hell").content.decode()
    assert as_ada.get(f"/admin/guestbook/entry/{entry.pk}/change/").status_code == 200
    assert 'href="/admin/"' in as_ada.get("/").content.decode()
