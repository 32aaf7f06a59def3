"""The helper that skips, or fails, what a machine cannot run."""

import pytest

from tests.services import requirements


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find", lambda name: None)


def test_what_is_missing_is_skipped_by_name(missing: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LAB_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs docker: no Docker engine"):
        requirements.need("docker")


def test_what_is_missing_fails_where_it_is_required(missing: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAB_REQUIRE", "browser, postgres")
    with pytest.raises(pytest.fail.Exception, match="LAB_REQUIRE=postgres: no initdb"):
        requirements.need("postgres")
    with pytest.raises(pytest.skip.Exception):
        requirements.need("docker")


def test_a_typo_in_what_is_required_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAB_REQUIRE", "postgers")
    with pytest.raises(
        pytest.fail.Exception, match="postgers; known: docker, browser, postgres, wrk"
    ):
        requirements.need("postgres")


def test_what_is_there_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAB_REQUIRE", "docker")
    monkeypatch.setattr(requirements, "find", lambda name: f"/usr/bin/{name}")
    assert requirements.need("docker") == "/usr/bin/docker"
