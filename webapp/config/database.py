"""DATABASE_URL as an entry of Django's DATABASES."""

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE_OPTIONS = {
    # WAL lets readers go on while one writes; NORMAL is its safe and fast way to sync.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    # Seconds that a writer waits for another. Less than a server's time limit for a request.
    "timeout": 20,
    # Take the write lock when a transaction begins. One that began as a reader and wants it
    # later cannot wait for it: SQLite fails it at once if another has written meanwhile.
    "transaction_mode": "IMMEDIATE",
}

# Django's CONN_MAX_AGE keeps one connection for each *thread*, and how many threads there are is
# the server's choice: with some dozens in each of a few workers, PostgreSQL's 100 connections
# are used up by threads that do something else. A pool is bounded for the process, whatever its
# threads. A request that finds no connection free waits, and fails after `timeout` seconds.
POSTGRES_POOL = {"min_size": 1, "max_size": 10, "timeout": 10}


def from_url(url: str, data_dir: Path) -> dict[str, Any]:
    """The settings for `url`, or for SQLite in `data_dir` where it is empty.

    Raises ImproperlyConfigured for a URL that is not PostgreSQL's or SQLite's. Its text never
    holds the URL, which may have a password in it.
    """
    if not url:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": data_dir / "db.sqlite3"}
    else:
        try:
            database = dict(dj_database_url.parse(url))
        except ValueError:
            database = {"ENGINE": ""}
    options = database.get("OPTIONS") or {}
    match database["ENGINE"]:
        case "django.db.backends.sqlite3":
            # A connection is one open file: threads may keep theirs. Not for ever, so that a
            # database put back from a backup is seen.
            return database | {"CONN_MAX_AGE": 60, "OPTIONS": SQLITE_OPTIONS | options}
        case "django.db.backends.postgresql":
            # Health checks: the pool tries a connection before it gives it to a request, so that
            # a restart of the database costs no errors after it.
            pooled = {"pool": POSTGRES_POOL} | options
            return database | {"CONN_HEALTH_CHECKS": True, "OPTIONS": pooled}
    raise ImproperlyConfigured(
        "DATABASE_URL: write postgres://USER@HOST:PORT/NAME or sqlite:////PATH, "
        "or leave it empty for SQLite in DATA_DIR"
    )
