"""The access log: a line for each exchange, once its answer has been sent."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from paceline.observe import log_file
from paceline.observe.access_format import compile_format
from paceline.observe.record import Record

if TYPE_CHECKING:  # the settings themselves need compile_format
    from paceline.config import Config

__all__ = ["AccessLog", "Record"]

LOGGER = "paceline.access"


class AccessLog:
    """Turns records into lines and hands them to ``emit``."""

    def __init__(self, render: Callable[[Record], str], emit: Callable[[str], object]) -> None:
        self._render = render
        self._emit = emit

    @classmethod
    def from_config(cls, config: "Config") -> Self | None:
        """The log that the settings ask for; None when they ask for none.  Raises ConfigError."""
        render = compile_format(config.access_log_format)
        if LOGGER in config.logconfig_dict.get("loggers", {}):
            return cls(render, logging.getLogger(LOGGER).info)
        if config.accesslog is None:
            return None
        if log_file.ACCESS.path != config.accesslog:
            log_file.ACCESS.open(config.accesslog, config.user, config.group)
        return cls(render, log_file.ACCESS.write)

    def write(self, record: Record) -> None:
        """Write the line of ``record``; never raises for what a client sent."""
        self._emit(self._render(record))
