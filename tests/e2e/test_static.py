"""Static files: by nginx, under names with a hash of their content."""

import re

from tests.e2e.stacks import on_guestbooks
from tests.e2e.visitor import Visitor

pytestmark = on_guestbooks


def linked(visitor: Visitor, suffix: str) -> str:
    """The path of the first file of a kind that the first page links to."""
    found = re.search(rf'href="(/static/[^"]+\.{suffix})"', visitor.get("/").text)
    assert found
    return found[1]


def test_the_style_sheet_may_be_kept_for_ever(visitor: Visitor):
    path = linked(visitor, "css")
    assert re.fullmatch(r"/static/guestbook/style\.[0-9a-f]{12}\.css", path)
    answer = visitor.get(path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "color-scheme" in answer.text
    known = {"If-None-Match": answer.headers["ETag"]}
    assert visitor.get(path, headers=known).status_code == 304


def test_it_is_compressed_for_who_takes_that(visitor: Visitor):
    path = linked(visitor, "css")
    plain = visitor.get(path, headers={"Accept-Encoding": "identity"})
    packed = visitor.get(path, headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert packed.content == plain.content


def test_a_page_is_compressed_too_and_never_kept_unasked(visitor: Visitor):
    page = visitor.get("/accounts/login/")

    assert page.headers["Content-Encoding"] == "gzip"
    assert "no-cache" in page.headers["Cache-Control"]


def test_a_name_without_hash_is_asked_for_each_time(visitor: Visitor):
    assert visitor.get("/static/guestbook/style.css").headers["Cache-Control"] == "no-cache"


def test_the_admin_has_its_files(visitor: Visitor):
    page = visitor.get("/admin/login/")
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)

    assert files
    assert {visitor.get(file).status_code for file in files} == {200}


def test_the_folder_is_all_that_is_served(visitor: Visitor):
    for path in ("/static/", "/static/../db.sqlite3", "/static/%2e%2e/secret_key", "/static/none"):
        assert visitor.get(path).status_code in (403, 404), path
