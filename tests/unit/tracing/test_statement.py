"""What a span says of an SQL statement; above all, what it does not."""

import pytest

from lab.tracing.statement import LONGEST, describe, without_literals

LITERALS = [
    ("SELECT 'secret'", "SELECT ?"),
    ("SELECT 'it''s secret', 1", "SELECT ?, 1"),
    ("SELECT %s, 'secret' LIMIT 21", "SELECT %s, ? LIMIT 21"),
    ("SELECT \"it's\" FROM t WHERE a = 'secret'", 'SELECT "it\'s" FROM t WHERE a = ?'),
    ("SELECT 1 -- it's\nWHERE a = 'secret'", "SELECT 1 -- it's\nWHERE a = ?"),
    ("SELECT /* it's\n */ 'secret'", "SELECT /* it's\n */ ?"),
    (r"SELECT a LIKE %s ESCAPE '\', 'secret'", "SELECT a LIKE %s ESCAPE ?, ?"),
    (r"SELECT E'it\'s secret', a", "SELECT ?, a"),
    ("SELECT $$it's secret$$, $a$secret $$ too$a$", "SELECT ?, ?"),
    ("SELECT 'secret that is cut o", "SELECT ?"),
    ("SELECT 'more\nsecrets'", "SELECT ?"),
    (r"SELECT 1 WHERE a LIKE'\' AND b = 'secret'", "SELECT 1 WHERE a LIKE? AND b = ?"),
]
OF_SQLITE = [
    ("SELECT [it's], `it's`, 'secret'", "SELECT [it's], `it's`, ?"),
    ('SELECT "a" WHERE "b" = "it\'s secret" AND c="x"', 'SELECT "a" WHERE "b" = ? AND c=?'),
    ('UPDATE "t" SET "a" = "t"."b", "c" = %s', 'UPDATE "t" SET "a" = "t"."b", "c" = %s'),
    ("SELECT LIKE'\\', 'secret'", "SELECT LIKE?, ?"),
]
OF_MYSQL = [
    (r"SELECT 'it\'s secret', a", "SELECT ?, a"),
    ('SELECT "it\'s secret", a', "SELECT ?, a"),
    (
        "SELECT `it's` FROM t # it's\n WHERE a = 'secret'",
        "SELECT `it's` FROM t # it's\n WHERE a = ?",
    ),
    ("SELECT 5--'secret', 'secret'", "SELECT 5--?, ?"),
    ("SELECT 5 -- it's\n, 'secret'", "SELECT 5 -- it's\n, ?"),
    ("SELECT /*! 'secret', */ a", "SELECT /*! ?, */ a"),
]


@pytest.mark.parametrize(("sql", "text"), LITERALS)
def test_literals_are_left_out(sql: str, text: str):
    assert without_literals(sql, "postgresql") == text


@pytest.mark.parametrize(("sql", "text"), OF_SQLITE)
def test_literals_of_sqlite_are_left_out(sql: str, text: str):
    assert without_literals(sql, "sqlite") == text


@pytest.mark.parametrize(("sql", "text"), OF_MYSQL)
def test_literals_of_mysql_are_left_out(sql: str, text: str):
    assert without_literals(sql, "mysql") == text


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select 1", "SQL SELECT"),
        ("\n  (SELECT 1) UNION (SELECT 2)", "SQL SELECT"),
        ("/* who asked */ -- and why\nUPDATE t SET a = 1", "SQL UPDATE"),
        ("BEGIN", "SQL BEGIN"),
        ("", "SQL"),
        ("'secret'", "SQL"),
        (b"SELECT 'secret'", "SQL"),
    ],
)
def test_the_name_is_the_first_word(sql: object, name: str):
    found, attributes = describe(sql, "sqlite")
    assert found == name
    assert attributes.get("db.operation.name") == (name[4:] or None)
    assert "secret" not in str(attributes)


def test_what_a_caller_adds_is_its_own():
    describe("SELECT 5", "sqlite")[1]["added"] = True
    assert "added" not in describe("SELECT 5", "sqlite")[1]


def test_a_long_statement_is_cut_with_no_half_of_a_secret():
    sql = "SELECT " + "1, " * (LONGEST // 3 - 3) + "'secret'"
    assert len(sql) > LONGEST
    text = describe(sql, "sqlite")[1]["db.query.text"]
    assert len(text) <= LONGEST and text.endswith(", ?")


@pytest.mark.parametrize(
    ("vendor", "system"),
    [("sqlite", "sqlite"), ("postgresql", "postgresql"), ("oracle", "oracle.db")],
)
def test_a_database_has_the_name_that_opentelemetry_gives_it(vendor: str, system: str):
    assert describe("SELECT 1", vendor)[1]["db.system.name"] == system
