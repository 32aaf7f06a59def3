#!/usr/bin/env python
"""Django's command line: `python manage.py prepare` before the first start, `help` for the rest."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

NO_TABLES = ("no such table", "does not exist")
"""What SQLite and PostgreSQL say."""
HOW_TO_MAKE_THEM = (
    "start the stack first, or `python manage.py prepare`; "
    "DATABASE_URL or DATA_DIR must be the stack's"
)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"manage.py: error: {error}\n")
        sys.exit(2)
    except DatabaseError as error:
        if not any(words in str(error) for words in NO_TABLES) or "--traceback" in sys.argv:
            raise
        said = str(error).partition("\n")[0]
        sys.stderr.write(f"manage.py: error: {said}: {HOW_TO_MAKE_THEM}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
