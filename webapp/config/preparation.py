"""What must be done before the first start, and does no harm before each other one."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@contextmanager
def alone() -> Iterator[None]:
    """Waits until no other process on this DATA_DIR is in here. A process that dies lets go."""
    with (settings.DATA_DIR / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def migrate() -> int:
    """Brings the database's tables up to date; returns how many migrations that took."""
    # One connection is enough; without the pool, one that is refused says at once why.
    connection.settings_dict["OPTIONS"].pop("pool", None)
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        call_command("migrate", interactive=False, verbosity=0)
    return missing


def collect_static() -> bool:
    """Collects the static files unless they are there already; returns whether it did.

    Django writes the manifest and the style sheets anew each time, with moments in which they are
    missing. A server that has been started from the same STATIC_ROOT must not meet those.
    """
    mark = Path(settings.STATIC_ROOT) / ".collected"
    wanted = _fingerprint()
    if mark.exists() and mark.read_text() == wanted:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    mark.write_text(wanted)
    return True


def _fingerprint() -> str:
    digest = hashlib.sha256(django.__version__.encode())
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            with storage.open(path) as file:
                digest.update(f"\0{path}\0".encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()
