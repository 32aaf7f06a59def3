"""What can be known of the server from outside: its logs."""

from paceline.observe.access_log import AccessLog, Record
from paceline.observe.error_log import error_stream, reopen_logs, setup_logs

__all__ = ["AccessLog", "Record", "error_stream", "reopen_logs", "setup_logs"]
