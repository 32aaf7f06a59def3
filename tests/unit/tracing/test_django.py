"""Django's part of a trace of the guestbook: which spans there are, and what they say."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.postgres import postgres_or_skip
from tests.unit.tracing.recorded import run

CHAIN = [
    "middleware django.middleware.security.SecurityMiddleware",
    "middleware django.contrib.sessions.middleware.SessionMiddleware",
    "middleware django.middleware.common.CommonMiddleware",
    "middleware django.middleware.csrf.CsrfViewMiddleware",
    "middleware django.contrib.auth.middleware.AuthenticationMiddleware",
    "middleware django.contrib.messages.middleware.MessageMiddleware",
    "middleware django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CSRF = "middleware django.middleware.csrf.CsrfViewMiddleware.process_view"


def chain(*inside: str) -> list[str]:
    """The tree of a request that passes all middleware, with what is in the innermost."""
    outside = ["  " * depth + name for depth, name in enumerate(CHAIN)]
    return outside + ["  " * len(CHAIN) + name for name in inside]


@pytest.fixture(scope="module")
def guestbook(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run("guestbook_recorded.py", tmp_path_factory.mktemp("guestbook"))


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    for url in postgres_or_skip():
        directory = tmp_path_factory.mktemp("on-postgres")
        yield run("guestbook_recorded.py", directory, DATABASE_URL=url)


def named(recorded: dict[str, Any], beginning: str) -> list[dict[str, Any]]:
    return [span for span in recorded["spans"] if span["name"].startswith(beginning)]


def rows_of(recorded: dict[str, Any]) -> list[int | None]:
    """What each statement says of its rows."""
    return [span["attributes"].get("db.response.returned_rows") for span in named(recorded, "SQL")]


def test_instrumenting_imports_nothing_of_django(guestbook: dict[str, Any]):
    assert guestbook["imported"] == []
    assert "not traced" not in guestbook["stderr"]


def test_a_page_is_middleware_the_view_and_then_its_template(guestbook: dict[str, Any]):
    page = guestbook["list"]
    assert page["result"][0] == 200
    assert page["tree"] == chain(
        CSRF,
        "view guestbook.views.EntryList",
        "  SQL SELECT",
        "template guestbook/entry_list.html",
        "  SQL SELECT",
    )
    assert page["attributes"] == {"http.route": "/"}
    (view,) = named(page, "view")
    assert view["attributes"] == {"code.function.name": "guestbook.views.EntryList"}
    count, entries = named(page, "SQL")
    assert entries["attributes"].pop("db.query.text").startswith('SELECT "guestbook_entry"."id", ')
    assert entries["attributes"] == {
        "db.system.name": "sqlite",
        "db.operation.name": "SELECT",
        "db.response.returned_rows": 20,
    }
    assert count["attributes"]["db.response.returned_rows"] == 1


def test_a_form_within_a_page_is_no_template_of_its_own(guestbook: dict[str, Any]):
    assert guestbook["form"]["tree"] == chain(
        CSRF,
        "view guestbook.views.SignGuestbook",
        "  SQL SELECT",
        "  SQL SELECT",
        "template guestbook/entry_form.html",
    )


def test_what_is_written_is_a_statement_without_what_it_writes(guestbook: dict[str, Any]):
    sign = guestbook["sign"]
    assert sign["result"][0] == 302
    assert sign["tree"] == chain(
        CSRF, "view guestbook.views.SignGuestbook", "  SQL SELECT", "  SQL SELECT", "  SQL INSERT"
    )
    insert = named(sign, "SQL INSERT")[0]["attributes"]
    assert insert["db.query.text"].startswith('INSERT INTO "guestbook_entry" ("author_id", ')
    assert "VALUES (%s, %s, " in insert["db.query.text"]
    assert insert["db.response.returned_rows"] == 1
    assert "a-secret-message" not in str(guestbook)


def test_a_transaction_shows_its_end(guestbook: dict[str, Any]):
    delete = guestbook["delete"]
    statements = [span["name"] for span in named(delete, "SQL")]
    assert statements[-3:] == ["SQL BEGIN", "SQL DELETE", "SQL COMMIT"]
    assert named(delete, "SQL DELETE")[0]["attributes"]["db.response.returned_rows"] == 1
    assert named(delete, "SQL COMMIT")[0]["attributes"] == {
        "db.system.name": "sqlite",
        "db.operation.name": "COMMIT",
    }


def test_a_forged_form_gets_no_further_than_the_hook_that_refuses_it(guestbook: dict[str, Any]):
    forged = guestbook["forged"]
    assert forged["result"][0] == 403
    assert forged["tree"] == chain(CSRF, "  template error.html")
    assert forged["attributes"] == {"http.route": "/entries/new/"}


def test_the_api_has_no_template(guestbook: dict[str, Any]):
    api = guestbook["api"]
    assert api["tree"] == chain(
        CSRF, "view guestbook.api.entries", "  SQL SELECT", "  SQL SELECT", "  SQL SELECT"
    )
    assert rows_of(api) == [1, 1, 45]


def test_an_exception_is_told_by_its_type_alone(guestbook: dict[str, Any]):
    fails = guestbook["fails"]
    assert fails["result"][0] == 500
    assert fails["tree"] == chain(CSRF, "view workload.views.fail", "template error.html")
    assert [(s["name"], s["error"]) for s in fails["spans"] if s["error"]] == [
        ("view workload.views.fail", "RuntimeError")
    ]
    assert "as it was asked to" not in str(fails)


def test_an_exception_that_says_404_is_no_error(guestbook: dict[str, Any]):
    missing = guestbook["missing"]
    assert missing["result"][0] == 404
    assert [span["error"] for span in missing["spans"] if span["error"]] == []
    (view,) = named(missing, "view")
    assert view["attributes"]["exception.type"] == "django.http.response.Http404"
    assert view["attributes"]["code.function.name"] == "guestbook.views.EntryPage"


def test_where_no_view_was_found_there_is_no_route(guestbook: dict[str, Any]):
    assert guestbook["nowhere"]["result"][0] == 404
    assert guestbook["nowhere"]["tree"] == chain("template error.html")
    assert guestbook["nowhere"]["attributes"] == {}


def test_what_is_streamed_is_done_after_the_view(guestbook: dict[str, Any]):
    export = guestbook["export"]
    assert export["result"][0] == 200 and export["result"][1] > 1000
    assert export["tree"] == [*chain(CSRF, "view guestbook.views.export"), "SQL SELECT"]
    assert named(export, "SQL")[0]["attributes"]["db.response.returned_rows"] == 45


def test_a_thread_of_its_own_opens_its_connection(guestbook: dict[str, Any]):
    assert guestbook["thread"]["tree"] == chain(
        CSRF,
        "view guestbook.views.EntryList",
        "  SQL CONNECT",
        "  SQL SELECT",
        "template guestbook/entry_list.html",
        "  SQL SELECT",
    )


def test_every_span_ends_within_its_parent(guestbook: dict[str, Any]):
    recorded = {name: each for name, each in guestbook.items() if "nested" in each}
    assert len(recorded) > 10
    for name, each in recorded.items():
        assert each["nested"] and each["open"] == [], name


def test_a_request_that_is_not_recorded_leaves_nothing(guestbook: dict[str, Any]):
    unrecorded = guestbook["unrecorded"]
    assert unrecorded.pop("result")[0] == 200
    assert unrecorded == {"spans": [], "attributes": {}, "left": []}


def test_postgres_says_the_same(guestbook: dict[str, Any], on_postgres: dict[str, Any]):
    for name in "list", "form", "sign", "api", "export", "thread":
        assert on_postgres[name]["tree"] == guestbook[name]["tree"]
        assert rows_of(on_postgres[name]) == rows_of(guestbook[name])
        systems = {span["attributes"]["db.system.name"] for span in named(on_postgres[name], "SQL")}
        assert systems == {"postgresql"}
    statements = [span["name"] for span in named(on_postgres["delete"], "SQL")]
    assert statements[-2:] == ["SQL DELETE", "SQL COMMIT"]
    assert "a-secret-message" not in str(on_postgres)
