"""The command ``paceline``."""

import os
import sys
import traceback
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from paceline.application import load_application
from paceline.config import SETTINGS, Config, enter, load
from paceline.errors import ApplicationLoadError, ConfigError
from paceline.observe import setup_logs
from paceline.process import supervise
from paceline.settings.declare import Setting
from paceline.settings.places import Networks
from paceline.transport.tls import server_context

USAGE = 2
"""Exit status for a command line, file or variable that cannot be used."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is stopped; returns the exit status."""
    try:
        config = load(sys.argv[1:] if argv is None else argv, os.environ, Path.cwd())
        if config.print_config:
            sys.stdout.write(as_file(config))
            if not config.wsgi_app:
                return 0
        if not config.wsgi_app:
            raise ConfigError(
                "which application? Give its name, such as: paceline config.wsgi (see --help)"
            )
        enter(config)
        if config.check_config or config.print_config:
            return check(config, config.wsgi_app)
        setup_logs(config)
        return supervise(config)
    except ConfigError as error:
        _complain(error)
        return USAGE


def check(config: Config, name: str) -> int:
    """Load certificates and application as a worker would; returns the exit status."""
    if config.certfile and config.keyfile:
        server_context(
            config.certfile, config.keyfile, config.ca_certs, config.cert_reqs, config.ciphers
        )
    try:
        load_application(name)
    except ApplicationLoadError as error:
        if error.__cause__:
            traceback.print_exception(error.__cause__)
        _complain(error)
        return 1
    return 0


def _complain(error: Exception) -> None:
    sys.stderr.write(f"paceline: error: {error}\n")


def as_file(config: Config) -> str:
    """Every setting as a configuration file that sets the same, with where each came from."""
    lines = []
    for title, members in groupby(SETTINGS, key=lambda setting: setting.group):
        lines += [f"# {title}", *(_assignment(setting, config) for setting in members), ""]
    return "\n".join(lines)


def _assignment(setting: Setting, config: Config) -> str:
    value = getattr(config, setting.name)
    # A function, and what is over before a file is read, cannot be said in one.
    silent = "" if setting.in_file and not callable(value) else "# "
    origin = config.origins.get(setting.name)
    return f"{silent}{setting.name} = {_literal(value)}" + (f"  # {origin}" if origin else "")


def _literal(value: object) -> str:
    """As Python text that the setting's parser takes."""
    if isinstance(value, Networks):
        return repr(str(value))
    if isinstance(value, float):
        return format(value, "g")
    if isinstance(value, tuple):
        return repr(list(value))
    return getattr(value, "__qualname__", None) or repr(value)
