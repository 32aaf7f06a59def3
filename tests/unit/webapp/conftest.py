"""The Django project under its own settings, on SQLite and on PostgreSQL in turn.

A test that asks for `db` runs once on each, and what it writes is rolled back.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

from tests.services.postgres import postgres_or_skip

WEBAPP = Path(__file__).resolve().parents[3] / "webapp"
KEPT = tempfile.TemporaryDirectory(prefix="lab-webapp-")

# Test modules import models, so Django must be ready when they are collected. The variables are
# for these settings alone: other tests of this process start programs that would inherit them.
with pytest.MonkeyPatch.context() as patch:
    for name in (
        "DATABASE_URL",
        "DEBUG",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "SECURE_COOKIES",
        "TRACE_URL",
    ):
        patch.delenv(name, raising=False)
    patch.setenv("DATA_DIR", f"{KEPT.name}/data")
    patch.setenv("STATIC_ROOT", f"{KEPT.name}/static")
    patch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    if str(WEBAPP) not in sys.path:
        sys.path.insert(0, str(WEBAPP))
    django.setup()

# These need Django to be set up.
from config.database import from_url  # noqa: E402
from config.preparation import collect_static  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.test import Client, TestCase  # noqa: E402
from guestbook.models import Entry  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    """As in production, but for a fast hash of passwords."""
    setup_test_environment(debug=False)
    collect_static()
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield
    teardown_test_environment()
    KEPT.cleanup()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    yield from postgres_or_skip()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A migrated database, which all that is done here goes to."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    directory = tmp_path_factory.mktemp("database")
    before = connections.settings["default"]
    connections.settings |= connections.configure_settings({"default": from_url(url, directory)})
    # A file, as in production: SQLite in memory knows neither WAL nor waiting.
    connections.settings["default"]["TEST"]["NAME"] = None if url else directory / "test.sqlite3"
    connections["default"] = connections.create_connection("default")
    connection.creation.create_test_db(verbosity=0, serialize=False)
    yield request.param
    connection.creation.destroy_test_db(verbosity=0)
    connections.settings["default"] = before
    connections["default"] = connections.create_connection("default")


@pytest.fixture
def db(database: str) -> Iterator[str]:
    """The name of the database; whatever a test writes to it goes away after it."""
    with transaction.atomic():
        yield database
        transaction.set_rollback(True)


@pytest.fixture
def ada(db: str) -> User:
    return User.objects.create_user("ada", password="lovelace-1815")


@pytest.fixture
def grace(db: str) -> User:
    return User.objects.create_user("grace", password="hopper-1906")


@pytest.fixture
def visitor() -> Client:
    """A browser: its forms need their token, and a failure of the server is a page."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.fixture
def as_ada(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
def entry(ada: User) -> Entry:
    return Entry.objects.create(author=ada, message="Hello")


@pytest.fixture
def many_entries(ada: User, grace: User) -> list[Entry]:
    """45 of them: three pages, the last with five."""
    return [
        Entry.objects.create(author=(ada, grace)[number % 2], message=f"Message {number}")
        for number in range(45)
    ]


@pytest.fixture
def committed() -> Callable[..., Any]:
    """A context in which what waits for a commit happens at its end, though none comes."""
    return lambda: TestCase.captureOnCommitCallbacks(execute=True)


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)
