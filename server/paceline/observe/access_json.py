"""The access log as JSON: one object a line, for programs that read logs."""

import json
import os
from datetime import UTC, datetime

from paceline.observe.record import Record

FIELDS = {
    "client": "REMOTE_ADDR",
    "method": "REQUEST_METHOD",
    "scheme": "wsgi.url_scheme",
    "host": "HTTP_HOST",
    "path": "PATH_INFO",
    "query": "QUERY_STRING",
    "protocol": "SERVER_PROTOCOL",
    "referer": "HTTP_REFERER",
    "user_agent": "HTTP_USER_AGENT",
    "request_id": "HTTP_X_REQUEST_ID",
}
"""The members taken from the environ; one that is not there is left out."""


def json_line(record: Record) -> str:
    """Times are UTC and durations seconds; JSON's own escapes keep it to one line of ASCII."""
    environ = record.environ
    members: dict[str, object] = {
        "time": datetime.fromtimestamp(record.started, UTC).isoformat(timespec="milliseconds"),
        "status": _number(record.status),
        "duration": round(record.duration, 6),
        "queue": round(record.queue, 6),
        "bytes": record.body_bytes,
        "request": _text(record.request_line),
        "pid": os.getpid(),
    }
    if record.waited is not None:
        members["since_proxy"] = round(record.waited, 6)
    members.update((name, _text(environ[key])) for name, key in FIELDS.items() if environ.get(key))
    return json.dumps(members)


def _number(status: str) -> int | None:
    code = status.partition(" ")[0]
    return int(code) if code.isdecimal() else None


def _text(value: object) -> str:
    """WSGI has a character for each byte; most bytes past ASCII were UTF-8 (PEP 3333)."""
    try:
        return str(value).encode("latin-1").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return str(value)
