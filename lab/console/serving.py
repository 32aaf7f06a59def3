"""What paceline does at the moments of the console's life: its configuration (`--config`).

The supervisor imports as little as it can: what it has imported, a reload does not renew.
"""

import logging

from lab.console.environment import Environment
from lab.console.nginx_socket import RELAY


def on_starting(server: object) -> None:
    """In the supervisor: what nginx sends from now on waits for a worker, at a reload too."""
    path = Environment.read().nginx_socket
    try:
        RELAY.open(path)
    except OSError as error:
        logging.getLogger("paceline.error").critical("%s: %s", path, error.strerror)
        raise SystemExit(1) from None


def on_exit(server: object) -> None:
    """In the supervisor, last of all."""
    RELAY.close()


def post_worker_init(worker: object) -> None:
    """In the worker: starts the collector's threads."""
    from lab.console import work

    work.start(RELAY.end)


def worker_exit(server: object, worker: object) -> None:
    """In the worker, last of all: writes what is left."""
    from lab.console import work

    work.stop()
