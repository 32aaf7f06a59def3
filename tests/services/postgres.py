"""A PostgreSQL of a test's own, from the programs that the system has.

    with temporary_postgres() as url:      # postgres://…, as DATABASE_URL takes it
        ...

It listens on a Unix socket in a directory of its own and nowhere else, and is gone afterwards.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

START_LIMIT = 30.0  # seconds; a second or two is usual
STOP_LIMIT = 15.0


class Account(NamedTuple):
    """Who runs a process; None is who we are ourselves."""

    user: int | None = None
    group: int | None = None


class PostgresMissingError(Exception):
    """The programs are not there, or cannot be used; the message says what to do."""


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """Runs PostgreSQL and gives its URL: database and superuser `lab`, no password.

    Blocks until it answers, and at the end until it has stopped. Raises PostgresMissingError where
    there is none, and RuntimeError with its log where it doesn't start.
    """
    programs, account = _programs(), _account()
    # In /tmp whatever TMPDIR says: a socket's path has at most 107 bytes. Lower case, as mkdtemp
    # makes it: in a URL, the path stands where a host does, and hosts are read in lower case.
    place = Path(tempfile.mkdtemp(prefix="lab-postgres-", dir="/tmp"))
    try:
        if account.user is not None and account.group is not None:
            os.chown(place, account.user, account.group)
        _create_cluster(programs, place, account)
        with _running(programs, place, account):
            yield f"postgres://lab@{quote(str(place), safe='')}/lab"
    finally:
        shutil.rmtree(place)


def postgres_or_skip() -> Iterator[str]:
    """What a fixture needs: `yield from postgres_or_skip()`.

    Where PostgreSQL is missing, skips the test with the reason; with `postgres` in LAB_REQUIRE,
    fails it.
    """
    try:
        _programs()
        _account()
    except PostgresMissingError as error:
        if "postgres" in os.environ.get("LAB_REQUIRE", "").split(","):
            pytest.fail(f"LAB_REQUIRE asks for it, but {error}")
        pytest.skip(str(error))
    with temporary_postgres() as url:
        yield url


def _programs() -> Path:
    """The directory of initdb and postgres. Debian keeps them off PATH, by version."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not versions:
        raise PostgresMissingError(
            "PostgreSQL is not installed (Debian, Ubuntu: apt-get install postgresql)"
        )
    return max(versions, key=lambda path: float(path.parent.name))


def _account() -> Account:
    """Somebody else than root, for whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresMissingError("PostgreSQL does not run as root, and there is no user `postgres`")


def _create_cluster(programs: Path, place: Path, account: Account) -> None:
    command: list[str | Path] = [programs / "initdb", "--pgdata", place / "data"]
    command += ["--username=lab", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = _run(command, place, account)
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _run(
    command: Sequence[str | Path], place: Path, account: Account
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        user=account.user,
        group=account.group,
        extra_groups=None if account.user is None else [],
    )


@contextmanager
def _running(programs: Path, place: Path, account: Account) -> Iterator[None]:
    command: list[str | Path] = [programs / "postgres", "-D", place / "data", "-k", place]
    command += ["-c", "listen_addresses="]
    command += ["-c", "fsync=off", "-c", "full_page_writes=off"]  # nothing here outlives a crash
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=place,
            stdout=log,
            stderr=log,
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
        )
    try:
        _create_database(programs, place, server)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # its "fast shutdown": does not wait for clients
        try:
            server.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _create_database(programs: Path, place: Path, server: subprocess.Popen[bytes]) -> None:
    """Creates `lab`, once the server takes connections."""
    command: list[str | Path] = [programs / "createdb", "--host", place, "--username=lab", "lab"]
    deadline = time.monotonic() + START_LIMIT
    while server.poll() is None and time.monotonic() < deadline:
        if _run(command, place, Account()).returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start:\n{(place / 'log').read_text()}")
