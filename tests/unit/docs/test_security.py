"""Every promise of SECURITY.md names a test that is there."""

import ast
import re
from functools import cache

import pytest

from tests.unit.docs.pages import REPO, tables

SECURITY = REPO / "SECURITY.md"
PROMISES = [row for each in tables(SECURITY) if each[0][-1] == "Held by" for row in each[1:]]


@cache
def names_of(path: str) -> frozenset[str]:
    tree = ast.parse((REPO / "tests" / path).read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(each.name for each in functions if each.name.startswith("test_"))


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0])
def test_a_promise_is_held_by_tests(row: list[str]) -> None:
    held_by = re.findall(r"`([\w/]+\.py)::(\w+)`", row[1])
    assert len(held_by) == row[1].count("`") // 2 > 0
    for path, name in held_by:
        assert name in names_of(path)


def test_each_of_those_who_are_trusted_with_anything_is_promised_something() -> None:
    (trusted,) = (each for each in tables(SECURITY) if each[0][0] == "From")
    promised = " ".join(each[0][0] for each in tables(SECURITY)).lower()
    for who in ("client", "proxy", "application", "operator", "console", "container"):
        assert who in promised
        assert any(who in row[0] for row in trusted[1:])
