"""Django's part of a trace, of a project with unusual parts, instrumented when all was loaded."""

from types import SimpleNamespace
from typing import Any

import pytest

from lab.tracing.django_sql import Rows, executed
from lab.tracing.recording import Recording
from tests.unit.tracing.recorded import run

ME = "__main__"


def chain(*inside: str) -> list[str]:
    """The tree of a request: an async middleware stands between the two, and is left alone."""
    return [
        f"middleware {ME}.function",
        f"  middleware {ME}.Hooks",
        f"    middleware {ME}.Hooks.process_view",
        "      SQL SELECT",
        *("    " + name for name in inside),
    ]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run("unusual_recorded.py", tmp_path_factory.mktemp("unusual"))


def test_every_way_to_fetch_counts_rows(project: dict[str, Any]):
    many = project["/many/"]
    assert many["tree"] == chain(
        f"view {ME}.many",
        "  SQL BEGIN",
        "  SQL INSERT",
        "  SQL UPDATE",
        "  SQL SELECT",
        "  SQL SELECT",
        "  SQL SELECT",
        "  SQL DELETE",
        "  SQL DELETE",
        "  SQL COMMIT",
    )
    rows = [span["attributes"].get("db.response.returned_rows") for span in many["spans"][5:]]
    assert rows == [None, 7, 3, 7, 0, 4, 7, 0, None]
    assert "'process_view'" not in str(many["spans"])


def test_an_application_sees_no_difference(project: dict[str, Any]):
    answer = [200, "[[0], [[1], [2]], [[3], [0], [0], [0]], null, [[0], [0], [0], [0]]]"]
    assert project["plain"] == project["/many/"]["result"] == answer
    assert "not traced" not in project["stderr"]


def test_the_time_of_fetching_belongs_to_the_statement(project: dict[str, Any]):
    slow = project["/slow/"]
    assert slow["result"] == [200, "[[1], [2], [3]]"]
    assert slow["spans"][6]["name"] == "SQL SELECT"
    assert slow["spans"][6]["seconds"] >= 0.015


def test_an_error_of_fetching_is_translated_by_django_and_told(project: dict[str, Any]):
    broken = project["/broken/"]
    assert broken["result"] == [200, '["OperationalError", "OperationalError"]']
    errors = [span["error"] for span in broken["spans"][6:8]]
    assert errors == ["django.db.utils.OperationalError"] * 2


def test_a_database_that_knows_its_rows_is_believed():
    """As PostgreSQL does; SQLite does not."""
    driver = SimpleNamespace(rowcount=45, fetchone=lambda: (1,))
    db = SimpleNamespace(wrap_database_errors=lambda fetch: fetch)
    cursor, attributes = SimpleNamespace(cursor=driver, db=db), {}
    recording = Recording()
    place = recording.begin("SQL SELECT", attributes)
    recording.end(place)
    Rows(recording, place).follow(cursor)
    assert cursor.fetchone() == (1,)
    assert attributes == {"db.response.returned_rows": 45}


def test_a_driver_like_no_other_is_left_alone():
    """Its cursor has no rows to count, of which it says so in ways of its own."""

    class Cursor:
        db = SimpleNamespace(vendor="odd")
        cursor = SimpleNamespace()
        __slots__ = ()

    recording = Recording()
    assert executed(recording, lambda *given: given[1:], Cursor(), "GIVE", None) == ("GIVE", None)
    assert recording.spans[0].name == "SQL GIVE" and recording.spans[0].end


def test_a_statement_that_fails_says_so_though_the_view_goes_on(project: dict[str, Any]):
    bad = project["/bad/"]
    assert bad["result"][0] == 200
    assert bad["tree"] == chain(f"view {ME}.bad", "  SQL BEGIN", "  SQL SELECT", "  SQL ROLLBACK")
    errors = [span["error"] for span in bad["spans"]]
    assert errors[4:] == [None, None, "django.db.utils.OperationalError", None]
    assert "no such table" not in str(bad)


@pytest.mark.parametrize(
    ("path", "view", "transaction", "status"),
    [
        ("/failing/", "failing", ["  SQL BEGIN", "  SQL ROLLBACK"], 500),
        ("/failing/?save", "failing", ["  SQL BEGIN", "  SQL ROLLBACK"], 200),
        ("/awaited/?fail", "awaited", [], 500),
    ],
)
def test_a_view_that_fails_and_the_hook_that_may_help(
    project: dict[str, Any], path: str, view: str, transaction: list[str], status: int
):
    failing = project[path]
    assert failing["result"][0] == status
    hook = f"middleware {ME}.Hooks.process_exception"
    assert failing["tree"] == chain(f"view {ME}.{view}", *transaction, hook)
    assert failing["spans"][4]["error"] == "LookupError"
    assert "a-secret" not in str(failing["spans"])


def test_statements_past_the_last_span_work_and_belong_to_no_other(project: dict[str, Any]):
    page = project["/countless/"]
    assert page["result"] == [200, "777"]
    template = page["spans"][-1]
    assert (template["name"], template["attributes"]) == ("template <unknown source>", {})
    statements = [span for span in page["spans"] if span["name"] == "SQL SELECT"]
    assert {span["attributes"]["db.response.returned_rows"] for span in statements} == {1}


def test_an_async_view_is_a_span(project: dict[str, Any]):
    assert project["/awaited/"]["result"] == [200, "awaited"]
    assert project["/awaited/"]["tree"] == chain(f"view {ME}.awaited")


def test_a_template_without_a_name_and_its_hook(project: dict[str, Any]):
    page = project["/page/7/"]
    assert page["result"] == [200, "page "]
    assert page["tree"] == chain(
        f"view {ME}.Page",
        "  SQL BEGIN",
        "  SQL COMMIT",
        f"middleware {ME}.Hooks.process_template_response",
        "template <unknown source>",
    )
    assert page["attributes"] == {"http.route": r"/page/(?P<number>\d+)/$"}


def test_django_names_the_hook_that_is_wrong_as_ever(project: dict[str, Any]):
    assert project["/page/7/?none"]["result"][0] == 500
    assert "Hooks.process_template_response didn't return an HttpResponse" in project["stderr"]


def test_a_cursor_from_before_is_recorded_too(project: dict[str, Any]):
    assert project["early"]["tree"] == ["SQL SELECT"]
    assert project["early"]["spans"][0]["attributes"]["db.response.returned_rows"] == 1


def test_every_span_ends_within_its_parent(project: dict[str, Any]):
    recorded = {name: each for name, each in project.items() if "nested" in each}
    assert len(recorded) == 12
    for name, each in recorded.items():
        assert each["nested"] and each["open"] == [], name
