"""The database under several threads, as a server has them."""

from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from guestbook.models import Entry


def test_many_writers_at_once(database: str) -> None:
    """Each reads and then writes in one transaction: none is told that the database is locked."""
    author = User.objects.create_user("writers")
    entry = Entry.objects.create(author=author, message="0")

    def count(_: int) -> None:
        try:
            for _ in range(15):
                with transaction.atomic():
                    mine = Entry.objects.select_for_update().get(pk=entry.pk)
                    mine.message = str(int(mine.message) + 1)
                    mine.save()
        finally:
            connections.close_all()

    try:
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(count, range(6)))
        entry.refresh_from_db()
        assert entry.message == "90"
    finally:
        author.delete()


def test_sqlite_lets_readers_go_on(database: str) -> None:
    if database == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
