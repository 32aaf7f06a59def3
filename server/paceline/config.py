"""The configuration: one frozen object out of the command line, a file and the environment."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import Any

from paceline.errors import ConfigError
from paceline.limits import Limits, Timeouts
from paceline.settings import activation, sources
from paceline.settings.bounds import SizeBounds, TimeBounds
from paceline.settings.coding import Coding
from paceline.settings.command_line import Parser
from paceline.settings.declare import Setting, declared
from paceline.settings.edge import Proxy, Tls
from paceline.settings.hooks import Hooks
from paceline.settings.operation import Development, Logs, Process
from paceline.settings.serving import Sockets, What, Workers


def _to_standard_error(message: str) -> None:
    sys.stderr.write(f"paceline: warning: {message}\n")


@dataclass(frozen=True, kw_only=True)
class Config(
    # The bases are the groups in the order in which a reader meets them.
    What,
    Sockets,
    Workers,
    TimeBounds,
    SizeBounds,
    Coding,
    Proxy,
    Tls,
    Logs,
    Process,
    Development,
    Hooks,
):
    """Every setting as an attribute, under its name in a configuration file."""

    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each value that is not a default was given, such as ``--workers``."""
    source: Callable[[], "Config"] | None = field(default=None, repr=False, compare=False)

    def reread(self) -> "Config":
        """Read the file anew, with the same command line and environment; raises ConfigError."""
        return self.source() if self.source else self

    def limits(self) -> Limits:
        return Limits(
            request_line=self.limit_request_line,
            request_fields=self.limit_request_fields,
            request_field_size=self.limit_request_field_size,
            request_body=self.limit_request_body,
            body_in_memory=self.body_in_memory,
            answer_buffered=self.answer_buffered,
            bodies_on_disk=self.bodies_on_disk,
            minimum_rate=self.minimum_rate,
        )

    def timeouts(self) -> Timeouts:
        return Timeouts(
            head=self.head_timeout,
            body=self.body_timeout,
            keep_alive=self.keepalive,
            send=self.send_timeout,
            graceful=self.graceful_timeout,
        )


SETTINGS: tuple[Setting, ...] = declared(Config.__bases__)


def load(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path,
    warn: Callable[[str], None] = _to_standard_error,
) -> Config:
    """Read the settings from all places and check them; raises ConfigError.

    The command line wins over PACELINE_CMD_ARGS, that over the file, the file over single
    variables, and those over what systemd has opened.  The file is run.  Prints and raises
    SystemExit for ``--help`` and ``--version``.
    """
    source = partial(load, list(argv), dict(environ), cwd, warn)
    parser = Parser(SETTINGS)
    typed = sources.command_line(parser, argv, warn)
    preset = sources.argument_variable(parser, environ, warn)
    where = typed.values.get("config") or preset.values.get("config")
    file = sources.file(SETTINGS, str(where) if where else None, cwd, warn)
    layers = (
        typed,
        preset,
        file,
        sources.environment(SETTINGS, environ),
        activation.layer(environ),
    )
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        layer = next((layer for layer in layers if setting.name in layer.values), None)
        if layer is None:
            continue
        origins[setting.name] = layer.say(setting)
        try:
            values[setting.name] = setting.parse(layer.values[setting.name])
        except ValueError as error:
            raise ConfigError(f"{origins[setting.name]}: {error}") from None
    if "bind" in values:
        values["bind"] = activation.resolve(values["bind"], environ, warn)
    return _settled(Config(**values, origins=origins, source=source), cwd)


def _settled(config: Config, cwd: Path) -> Config:
    """Resolve what is relative to the directory of the start; check what goes together."""
    chdir = cwd / config.chdir
    if not chdir.is_dir():
        raise _wrong(config, "chdir", f"there is no directory {config.chdir}")
    if config.worker_class == "serial" and config.threads > 1:
        raise _wrong(config, "threads", "the serial model has one thread; use -k pool")
    extra = tuple(str(cwd / entry) for entry in config.reload_extra_files)
    for path in extra:
        if not has_magic(path) and not Path(path).exists():
            raise _wrong(config, "reload_extra_files", f"there is no file {path}")
    _check_tls(config, chdir)
    return replace(config, chdir=str(chdir), reload_extra_files=extra)


def _check_tls(config: Config, chdir: Path) -> None:
    if config.certfile and not config.keyfile:
        raise _wrong(config, "certfile", "needs --keyfile too (the same file if it holds both)")
    if config.keyfile and not config.certfile:
        raise _wrong(config, "keyfile", "needs --certfile too")
    if config.cert_reqs and not config.ca_certs:
        raise _wrong(config, "cert_reqs", "needs --ca-certs, to check clients against")
    files = {
        "certfile": config.certfile,
        "keyfile": config.keyfile,
        "ca_certs": config.ca_certs,
    }
    for name, path in files.items():
        if path and not (chdir / path).is_file():
            raise _wrong(config, name, f"there is no file {path}")


def _wrong(config: Config, name: str, why: str) -> ConfigError:
    return ConfigError(f"{config.origins.get(name, name)}: {why}")


def enter(config: Config) -> None:
    """Set this process's directory, import path and environment for the application."""
    os.chdir(config.chdir)
    for entry in (config.chdir, *config.pythonpath):
        path = str(Path(entry).absolute())
        if path not in sys.path:
            sys.path.insert(0, path)
    for entry in config.raw_env:
        name, _, value = entry.partition("=")
        os.environ[name] = value
