"""Settings: logs, the process, and development."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paceline.observe import access_format
from paceline.settings import places, values
from paceline.settings.declare import setting

LEVELS = ("debug", "info", "warning", "error", "critical")


def log_format(value: object) -> str:
    """A format that the access log can write; ValueError names what it cannot."""
    wanted = values.text(value)
    access_format.compile_format(wanted)
    return wanted


def path(value: object) -> str:
    """A path of a URL without a query."""
    wanted = values.text(value)
    if not wanted.startswith("/") or "?" in wanted or "#" in wanted:
        raise ValueError(f"{wanted!r} is no path such as /healthz")
    return wanted


@dataclass(frozen=True, kw_only=True)
class Logs:
    """Logs"""

    accesslog: str | None = setting(
        "Write a line for each request to this file; - is standard output.",
        values.text,
        None,
        "--access-logfile",
        meta="FILE",
    )
    access_log_format: str = setting(
        "Format of the access log, in gunicorn's atoms; the word json writes JSON objects.",
        log_format,
        access_format.DEFAULT,
        "--access-logformat",
        meta="FORMAT",
        detail="See the table of atoms.",
    )
    errorlog: str = setting(
        "Write the error log to this file; - is standard error.",
        values.text,
        "-",
        "--error-logfile",
        "--log-file",
        meta="FILE",
    )
    loglevel: str = setting(
        "Lowest level of messages in the error log.",
        values.OneOf(*LEVELS),
        "info",
        "--log-level",
    )
    capture_output: bool = setting(
        "Also send what the application prints to the error log's file.",
        values.boolean,
        False,
        "--capture-output",
        form="switch",
    )
    logconfig_dict: Mapping[str, Any] = setting(
        "Python's own `logging.config.dictConfig`, applied after the settings above.",
        values.dictionary,
        {},
        detail="The server's loggers are `paceline.error` and `paceline.access`; requests go to "
        "the second one if it is configured here.",
    )


@dataclass(frozen=True, kw_only=True)
class Process:
    """The process"""

    chdir: str = setting(
        "Change to this directory before the application is loaded.",
        values.text,
        ".",
        "--chdir",
        meta="DIR",
    )
    pythonpath: tuple[str, ...] = setting(
        "Directories to import from, joined by commas.",
        values.many(values.text, separator=","),
        (),
        "--pythonpath",
        meta="LIST",
    )
    raw_env: tuple[str, ...] = setting(
        "NAME=VALUE for the application's environment; give it again for more.",
        values.many(values.assignment),
        (),
        "-e",
        "--env",
        form="repeated",
        meta="NAME=VALUE",
    )
    pidfile: str | None = setting(
        "Write the supervisor's process id to this file.",
        values.text,
        None,
        "-p",
        "--pid",
        meta="FILE",
    )
    stats: str | None = setting(
        "Report what the server is doing on this Unix socket, unix:PATH, as JSON over HTTP.",
        places.unix_address,
        None,
        "--stats",
        meta="ADDRESS",
        detail="It includes the path of each current request, without its query. `umask` and the "
        "folder decide who may ask.",
    )
    health_path: str | None = setting(
        "Answer this path without the application: 200, or 503 while requests cannot be served.",
        path,
        None,
        "--health-path",
        meta="PATH",
        detail="It is 503 while the process drains, or while all threads are busy and none can be "
        "added. In the models `adaptive` and `pool` it is answered ahead of all queues.",
    )
    user: int | None = setting(
        "Run the workers as this user, by name or number.",
        places.user,
        None,
        "-u",
        "--user",
        meta="USER",
    )
    group: int | None = setting(
        "Run the workers as this group, by name or number.",
        places.group,
        None,
        "-g",
        "--group",
        meta="GROUP",
    )
    umask: int = setting(
        "Mask for the mode of created files, including Unix sockets; 022 is octal.",
        values.bit_mask,
        0,
        "-m",
        "--umask",
        meta="MASK",
    )


@dataclass(frozen=True, kw_only=True)
class Development:
    """Development"""

    reload: bool = setting(
        "Restart the workers when the application's code changes.",
        values.boolean,
        False,
        "--reload",
        form="switch",
    )
    reload_extra_files: tuple[str, ...] = setting(
        "Also watch this file, or a pattern such as templates/**; give it again for more.",
        values.many(values.text),
        (),
        "--reload-extra-file",
        form="repeated",
        meta="FILE",
    )
