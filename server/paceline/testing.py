"""For other people's tests: an application served for real, on a free port, in this process.

with serve(application) as server:
    urlopen(server.url)
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication

from paceline.config import Config
from paceline.errors import ConfigError
from paceline.server import make_model
from paceline.settings.bounds import SizeBounds, TimeBounds
from paceline.settings.coding import Coding
from paceline.settings.declare import declared
from paceline.settings.edge import Proxy, Tls
from paceline.settings.serving import Workers
from paceline.transport import listen

PATIENCE = 10.0
"""Seconds that requests have to end in when the block is over."""

OF_PROCESSES = ("workers", "max_requests", "max_requests_jitter", "preload_app")

SETTINGS = {
    setting.name: setting
    for setting in declared([Workers, TimeBounds, SizeBounds, Coding, Proxy, Tls])
    if setting.name not in OF_PROCESSES
}


@dataclass(frozen=True)
class Server:
    """Where an application is served."""

    address: str
    """``HOST:PORT``, or ``unix:PATH``."""
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The address of its first page, without the slash."""
        return f"{self.scheme}://{self.address}"


@contextmanager
def serve(
    application: WSGIApplication, *, bind: str = "127.0.0.1:0", **settings: Any
) -> Iterator[Server]:
    """Serve ``application`` on a free port from the first line of the block to its last.

    ``settings`` have the names of a configuration file, such as ``worker_class="serial"``; those of
    processes and logs are not among them.  The application is called in threads of this process.
    What the server has to say goes to the logger ``paceline.error``, and so to pytest's report.

    Raises ConfigError before the block where it cannot be served so, TimeoutError behind it where a
    request does not end within ten seconds, and whatever the server itself failed with.
    """
    config = _config(settings)
    listener = listen(bind)
    try:
        model = make_model(config, [listener], application)
    except ConfigError:
        listener.close()
        raise
    failures: list[BaseException] = []

    def run() -> None:
        try:
            model.run()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="paceline", daemon=True)
    thread.start()
    try:
        yield Server(listener.address, "https" if listener.secure else "http")
    finally:
        model.stop()
        thread.join(PATIENCE)
        listener.close()
    if thread.is_alive():
        raise TimeoutError(f"a request did not end within {PATIENCE:g} s")
    model.close()
    if failures:
        raise failures[0]


def _config(settings: dict[str, Any]) -> Config:
    values = {}
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ConfigError(f"serve() takes no {name}; it takes {', '.join(SETTINGS)}")
        try:
            values[name] = SETTINGS[name].parse(value)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from None
    return Config(**values)
