"""The pages as people use them: sign up, log in, sign, edit, turn pages."""

import re

import pytest

from tests.e2e.stacks import SOFTWARE, Site, on_guestbooks
from tests.e2e.visitor import Visitor, token_of

pytestmark = on_guestbooks


def test_the_first_page_says_who_answered(stack: Site, visitor: Visitor):
    page = visitor.get("/")

    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Server"] == "nginx"
    assert "<h1>Guestbook</h1>" in page.text
    assert re.search(rf"<li>{SOFTWARE[stack.server]}[\d.]* ", page.text)


def test_sign_up_sign_and_log_out(visitor: Visitor):
    first = visitor.sign_up()
    assert first.url == visitor.origin + "/"
    assert f'<span class="who">{visitor.account.name}</span>' in first.text

    words = "Grüße aus Łódź ✓ <script>alert(1)</script>"
    after = visitor.sign(words)
    assert after.history[0].status_code == 302
    assert after.url == visitor.origin + "/"
    assert "Thank you for signing." in after.text
    assert "Grüße aus Łódź ✓ &lt;script&gt;alert(1)&lt;/script&gt;" in after.text
    assert "<script>" not in after.text
    assert "Thank you" not in visitor.get("/").text  # it is said once

    out = visitor.send("/accounts/logout/", {}, visitor.get("/"))
    assert out.url == visitor.origin + "/"
    assert "Log in" in out.text
    assert visitor.account.name not in out.text.partition("<main")[0]


def test_who_is_not_logged_in_is_asked_to_and_comes_back(guest: Visitor, visitor: Visitor):
    asked = visitor.get("/entries/new/")
    assert asked.url == visitor.origin + "/accounts/login/?next=/entries/new/"

    visitor.account = guest.account
    wrong = {"username": guest.account.name, "password": "not this one"}
    refused = visitor.submit("/accounts/login/", wrong)
    assert "Please enter a correct username and password" in refused.text

    back = visitor.log_in(asked.url.removeprefix(visitor.origin))
    assert back.url == visitor.origin + "/entries/new/"
    assert "<h1>Sign the guestbook</h1>" in back.text


def test_an_entry_is_its_authors_to_change(guest: Visitor, other_guest: Visitor):
    guest.sign("before")
    path = f"/entries/{guest.own_newest()}/"

    for page in ("edit/", "delete/"):
        refused = other_guest.get(path + page)
        assert refused.status_code == 403
        assert f"Only {guest.account.name} may change this entry." in refused.text
    edited = guest.submit(path + "edit/", {"message": "after"})
    assert edited.url == guest.origin + path
    assert "Your entry has been changed." in edited.text
    assert "<p>after</p>" in other_guest.get(path).text
    assert guest.submit(path + "delete/", {}).url == guest.origin + "/"
    assert other_guest.get(path).status_code == 404


@pytest.mark.parametrize("missing", ["token", "cookie"])
def test_a_form_without_its_token_is_refused(guest: Visitor, visitor: Visitor, missing: str):
    token = {"csrfmiddlewaretoken": token_of(guest.get("/entries/new/"))}
    data = {"message": "forged"} | ({} if missing == "token" else token)
    someone = guest if missing == "token" else visitor
    refused = someone.ask("POST", "/entries/new/", data=data)

    assert refused.status_code == 403
    assert "This form is too old" in refused.text
    assert "forged" not in guest.get("/").text


def test_a_form_of_another_site_is_refused(guest: Visitor):
    data = {"csrfmiddlewaretoken": token_of(guest.get("/")), "message": "forged"}
    port = guest.origin.rpartition(":")[2]
    for origin in (f"http://elsewhere.example:{port}", "http://localhost", "null"):
        refused = guest.ask("POST", "/entries/new/", data=data, headers={"Origin": origin})
        assert refused.status_code == 403, origin


def test_a_form_works_over_tls(stack: Site, guest: Visitor):
    over_tls = Visitor(stack.https, stack.certificate)
    over_tls.session.cookies = guest.session.cookies  # they know no ports
    after = over_tls.sign("over TLS")

    assert after.url == stack.https + "/"
    assert "Thank you for signing." in after.text
    assert "over https" in after.text


def test_pages_can_be_turned(guest: Visitor):
    for number in range(21):
        guest.sign(f"entry {number}")
    first = guest.get("/")
    shown = re.findall(r"<p>(entry \d+)</p>", first.text)

    assert shown == [f"entry {number}" for number in range(20, 0, -1)]
    older = re.search(r'rel="next" href="(\?page=2)"', first.text)
    assert older
    second = guest.get("/" + older[1])
    assert "<p>entry 0</p>" in second.text
    assert 'rel="prev" href="?page=1"' in second.text
    assert guest.get("/?page=999").status_code == 404
