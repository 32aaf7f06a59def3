"""What the console is told, from the environment; an empty variable counts as not set.

CONSOLE_BIND                 where people reach it             (127.0.0.1:8081)
CONSOLE_DATA                 what it keeps: traces, secret key (var/console of the repository)
LAB_TELEMETRY                the folder of the sockets         (var/run/telemetry of the repository)
SITE_URL                     the stack as people call it       (http://localhost:8080)
PROXY_URL                    where it is reached from here     (SITE_URL)
VERSUS                       servers beside that of the stack  (none)
LAB_BENCH                    the folder of the bench's results (nowhere: no bench is started)
APP_PATH, APP_WSGI, …        a project of one's own that the stack runs (none)
OTEL_EXPORTER_OTLP_ENDPOINT  where all that comes is passed on (nowhere)
"""

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab.serve import WordError, parse_bind
from lab.stack.layout import REPO

VAR = REPO / "var"

PROJECT = ("APP_PATH", "APP_WSGI", "APP_REQUIREMENTS", "APP_ENV_FILE")


@dataclass(frozen=True)
class Environment:
    """Checked."""

    bind: str
    data: Path
    telemetry: Path
    site_url: str
    proxy_url: str
    versus: tuple[str, ...]
    """Names of servers that the proxy knows beside the stack's own, as in gunicorn.localhost."""
    endpoint: str
    """Of another collector; empty for none."""
    bench: str
    """The folder of results, which also says that servers can be measured here; empty for none."""
    project: Mapping[str, str]
    """The words of the one that the stack runs; empty where it runs none of one's own."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Environment":
        """Raises WordError, whose message is one line that says what to do."""
        bind = environ.get("CONSOLE_BIND") or "127.0.0.1:8081"
        try:
            transport, _ = parse_bind(bind)
        except WordError:
            transport = ""
        if transport != "tcp":
            hint = "is no address; write HOST:PORT, such as 127.0.0.1:8081"
            raise WordError(f"CONSOLE_BIND={bind}: {hint}")
        endpoint = http_url("OTEL_EXPORTER_OTLP_ENDPOINT", environ, "")
        if endpoint and is_here(endpoint, bind):
            told = environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
            raise WordError(
                f"OTEL_EXPORTER_OTLP_ENDPOINT={told}: is this console itself; leave it empty"
            )
        site = http_url("SITE_URL", environ, "http://localhost:8080")
        return cls(
            bind=bind,
            data=Path(environ.get("CONSOLE_DATA") or VAR / "console").absolute(),
            telemetry=Path(environ.get("LAB_TELEMETRY") or VAR / "run" / "telemetry").absolute(),
            site_url=site,
            proxy_url=http_url("PROXY_URL", environ, site),
            versus=tuple(environ.get("VERSUS", "").split()),
            endpoint=endpoint,
            bench=environ.get("LAB_BENCH", ""),
            project={name: environ.get(name, "") for name in PROJECT if environ.get("APP_PATH")},
        )

    @property
    def otlp_socket(self) -> Path:
        """Where spans are posted to."""
        return self.telemetry / "otlp.sock"

    @property
    def nginx_socket(self) -> Path:
        """Where nginx's lines come in."""
        return self.telemetry / "nginx.sock"

    @property
    def database(self) -> Path:
        """Where the traces are."""
        return self.data / "traces.sqlite3"


def http_url(name: str, environ: Mapping[str, str], default: str) -> str:
    """An address without a slash at its end.  Raises WordError where HTTP cannot go there."""
    url = environ.get(name) or default
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if url and not good:
        raise WordError(f"{name}={url}: is no address; write it as in http://localhost:4318")
    return url.rstrip("/")


def is_here(endpoint: str, bind: str) -> bool:
    """Whether what is passed on would come back, and round and round."""
    parts = urlsplit(endpoint)
    host, _, port = bind.rpartition(":")
    return parts.port == int(port) and parts.hostname in ("localhost", "127.0.0.1", "::1", host)


def secret_key(folder: Path) -> str:
    """Django's SECRET_KEY, made at the first start.  Raises OSError."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".secret_key.", dir=folder)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        # Of several starters one wins: a link, unlike a rename, never replaces a file.
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text()
