from typing import Any

from config import preparation
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError


class Command(BaseCommand):
    help = "Gets secret key, database and static files ready for a start. Run it before each one."

    def handle(self, **options: Any) -> None:
        try:
            with preparation.alone():
                self.prepare()
        except OperationalError as error:
            reason = " ".join(str(error).split())  # psycopg writes several lines
            raise CommandError(f"the database (DATABASE_URL) does not answer: {reason}") from error
        except OSError as error:
            raise CommandError(f"DATA_DIR and STATIC_ROOT must be writable: {error}") from error

    def prepare(self) -> None:
        # The settings have read the key, and made it if need be.
        self.stdout.write(f"secret key: {settings.DATA_DIR / 'secret_key'}")
        applied = preparation.migrate()
        state = f"{applied} migrations applied" if applied else "up to date"
        self.stdout.write(f"database: {state}")
        state = "collected" if preparation.collect_static() else "up to date"
        self.stdout.write(f"static files: {state} in {settings.STATIC_ROOT}")
