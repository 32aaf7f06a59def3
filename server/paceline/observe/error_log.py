"""What the server has to say: the logger ``paceline.error``, and how it reaches a file."""

import logging
import logging.config
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from paceline.errors import ConfigError
from paceline.observe.log_file import ACCESS, ERROR, STANDARD

if TYPE_CHECKING:  # the settings themselves need the format of the access log
    from paceline.config import Config

LOGGER = logging.getLogger("paceline.error")

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LIKE_A_MESSAGE = re.compile(r"^(?=\[)", re.MULTILINE)

_captured = False


class _Formatter(logging.Formatter):
    """One line for each message, whatever a client has put into it; tracebacks keep theirs."""

    def __init__(self) -> None:
        super().__init__(
            "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s", "%Y-%m-%d %H:%M:%S %z"
        )

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        return _CONTROL.sub(_escaped, super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Of an exception's text, too, no line begins as a message does: it may be a client's."""
        return _LIKE_A_MESSAGE.sub(
            "  ", _CONTROL_IN_LINES.sub(_escaped, super().formatException(ei))
        )


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            ERROR.write(self.format(record))
        except Exception:
            self.handleError(record)


_handler = _Handler()
_handler.setFormatter(_Formatter())


def setup_logs(config: "Config") -> None:
    """Open both logs as the settings say, again after a reload; raises ConfigError.

    Called by the supervisor while it may still open anything; workers inherit the descriptors.
    """
    ERROR.open(config.errorlog, config.user, config.group)
    if config.accesslog is not None:
        ACCESS.open(config.accesslog, config.user, config.group)
    LOGGER.propagate = False
    LOGGER.setLevel(config.loglevel.upper())
    if _handler not in LOGGER.handlers:
        LOGGER.addHandler(_handler)
    _capture(config.capture_output and config.errorlog != STANDARD)
    if config.logconfig_dict:
        _apply({"version": 1, "disable_existing_loggers": False, **config.logconfig_dict})


def _apply(settings: dict[str, object]) -> None:
    try:
        logging.config.dictConfig(settings)
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
        raise ConfigError(f"logconfig_dict: {reason}") from None


def _capture(wanted: bool) -> None:
    """Send standard output and error to the error log's file, for good."""
    global _captured
    _captured = _captured or wanted
    if _captured:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for standard in (1, 2):
            os.dup2(ERROR.fileno(), standard)


def reopen_logs() -> None:
    """Open the files anew where they were moved away; one that cannot be is written on."""
    for log in (ERROR, ACCESS):
        try:
            log.reopen()
        except ConfigError as error:
            LOGGER.error("%s; still writing to the old file", error)
    _capture(False)


def error_stream() -> int:
    """The descriptor of the error log, the same one for as long as the process lives."""
    return ERROR.fileno()
