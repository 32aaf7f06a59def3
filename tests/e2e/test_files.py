"""Large bodies in both directions."""

import csv
import hashlib
import os
import re

import pytest

from tests.e2e.stacks import on_all, on_guestbooks
from tests.e2e.visitor import Visitor

MEGABYTE = 1024 * 1024


@on_guestbooks
def test_five_megabytes_come_back_byte_for_byte(guest: Visitor, visitor: Visitor):
    content = os.urandom(5 * MEGABYTE)
    guest.sign("with a file", files={"attachment": ("Ölbild №5.PNG", content, "text/html")})
    path = f"/entries/{guest.own_newest()}/attachment/"
    answer = visitor.get(path)

    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["Content-Length"] == str(len(content))
    # The type is not the one that the client claimed.
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    kept = "attachment; filename*=utf-8''%C3%96lbild%20%E2%84%965.PNG"
    assert answer.headers["Content-Disposition"] == kept

    head = visitor.ask("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(content))


@on_guestbooks
def test_past_8_mb_the_application_refuses_a_file(guest: Visitor):
    file = ("large.bin", b"a" * 9 * MEGABYTE)
    refused = guest.sign("too large for the application", files={"attachment": file})

    assert refused.status_code == 200
    assert "This file is too large: choose one of at most 8 MB." in refused.text
    assert "too large for the application</p>" not in guest.get("/").text


@on_all
def test_past_10_mb_nginx_refuses_a_request(visitor: Visitor):
    refused = visitor.ask("POST", "/inspect/", data=b"a" * (10 * MEGABYTE + 1))

    assert refused.status_code == 413
    assert "10 MB" in refused.text
    assert re.search(r"<title>413", refused.text)


@on_all
@pytest.mark.parametrize("size", [0, 1, 70_000, 10 * MEGABYTE])
def test_a_body_arrives_whole(visitor: Visitor, size: int):
    body = os.urandom(size)
    pieces = (body[start : start + 50_000] for start in range(0, size, 50_000))
    for data in (body, pieces):  # with Content-Length, and in chunks
        seen = visitor.ask("PUT", "/inspect/", data=data).json()["body"]
        assert seen == {"length": size, "sha256": hashlib.sha256(body).hexdigest()}


@on_all
def test_sixteen_megabytes_at_once(visitor: Visitor):
    answer = visitor.get("/workload/bytes/?n=16777216")

    assert answer.content == b"x" * 16_777_216


@on_guestbooks
def test_the_export_is_streamed_and_whole(guest: Visitor, visitor: Visitor):
    hard = 'comma, "quotes"\nand a line'
    guest.sign(hard)
    answer = visitor.get("/export.csv")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    rows = list(csv.DictReader(answer.content.decode().splitlines(keepends=True)))
    assert len(rows) == visitor.get("/api/entries/").json()["count"]
    assert rows[0]["author"] == guest.account.name
    assert rows[0]["message"].replace("\r\n", "\n") == hard
