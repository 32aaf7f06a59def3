import atexit

from django.apps import AppConfig
from django.db import connection


class GuestbookConfig(AppConfig):
    name = "guestbook"

    def ready(self) -> None:
        # From Python 3.13 on, a pool that is left to the interpreter's last moments waits there
        # for its threads, which run no more: 20 seconds, at the end of each worker and command.
        if connection.vendor == "postgresql":
            atexit.register(connection.close_pool)
