"""The JSON API, with its conditional requests."""

import pytest

from tests.e2e.stacks import on_guestbooks
from tests.e2e.visitor import Visitor

pytestmark = on_guestbooks

LIST = "/api/entries/"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_who_has_it_already_gets_304(guest: Visitor, visitor: Visitor, encoding: str):
    guest.sign("word " * 300)  # long enough to be compressed, which makes ETags weak
    entry = f"{LIST}{guest.own_newest()}/"
    accept = {"Accept-Encoding": encoding}
    for path in (LIST, entry):
        first = visitor.get(path, headers=accept)
        assert first.status_code == 200
        assert first.headers.get("Content-Encoding", "identity") == encoding
        for name, condition in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
            again = visitor.get(path, headers={condition: first.headers[name], **accept})
            assert (again.status_code, again.content) == (304, b""), name


def test_after_a_change_it_is_sent_anew(guest: Visitor, visitor: Visitor):
    guest.sign("there before")
    known = {"If-None-Match": visitor.get(LIST).headers["ETag"]}
    assert visitor.get(LIST, headers=known).status_code == 304
    guest.sign("one more")
    changed = visitor.get(LIST, headers=known)

    assert changed.status_code == 200
    assert changed.json()["entries"][0]["message"] == "one more"


def test_who_writes_it_deletes_it_and_nobody_else(
    guest: Visitor, other_guest: Visitor, visitor: Visitor
):
    made = guest.ask("POST", LIST, json={"message": "Grüße"}, auth=guest.account.basic)
    assert made.status_code == 201
    entry = made.headers["Location"]
    assert entry == made.json()["url"]
    assert visitor.get(entry).json()["message"] == "Grüße"

    stale = {"If-Match": '"another version"'}
    assert visitor.ask("DELETE", entry).status_code == 401
    assert visitor.ask("DELETE", entry, auth=other_guest.account.basic).status_code == 403
    assert guest.ask("DELETE", entry, headers=stale).status_code == 412
    done = guest.ask("DELETE", entry, auth=guest.account.basic)
    assert (done.status_code, done.content) == (204, b"")
    assert visitor.get(entry).status_code == 404


def test_credentials_are_asked_for(guest: Visitor, visitor: Visitor):
    for auth in (None, (guest.account.name, "wrong")):
        refused = visitor.get("/api/me/", auth=auth)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith('Basic realm="guestbook"')
        assert refused.json()["error"]["status"] == 401
    known = visitor.get("/api/me/", auth=guest.account.basic)
    assert known.json()["name"] == guest.account.name
