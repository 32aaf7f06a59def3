"""Recordings → bytes for the collector: plain JSON, that unpacking.py reads.

OTLP has a name and a type for each value and ids for each span: made here, in Python, that took
longer than all of the recording.  So the collector makes it, in a process of its own.
"""

import json
import time
from collections.abc import Iterable
from typing import Any

from lab.tracing.mask import mask_environ, mask_target
from lab.tracing.recording import CAPTURE, Recording

CONTENT_TYPE = "application/vnd.wsgilab.recordings+json"
PATH = "/v1/recordings"

NEEDED = (
    "REQUEST_METHOD SCRIPT_NAME PATH_INFO SERVER_NAME SERVER_PROTOCOL SERVER_SOFTWARE REMOTE_ADDR "
    "HTTP_HOST HTTP_USER_AGENT HTTP_X_REQUEST_START wsgi.url_scheme"
).split()
"""What the collector needs of an environ for the attributes of a span."""

dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def pack(recording: Recording) -> str:
    """One recording, as JSON; what is secret is masked."""
    part = recording.server(recording) if recording.server is not None else None
    environ = recording.environ
    if CAPTURE:
        said = mask_environ(environ)
    else:
        said = {name: environ[name] for name in NEEDED if name in environ}
        if environ.get("QUERY_STRING"):
            said["QUERY_STRING"] = mask_target("?" + environ["QUERY_STRING"])[1:]
    return dumps(
        [
            recording.trace_id,
            recording.parent_id,
            recording.status,
            recording.responded,
            recording.error,
            recording.lost,
            recording.attributes,
            recording.spans,
            said,
            part,
        ]
    )


def batch(packed: Iterable[str], about: dict[str, Any]) -> bytes:
    """A request body; ``about`` says what holds for the process."""
    offset = time.time_ns() - time.monotonic_ns()
    head = dumps({**about, "offset": offset, "bytes": bool(CAPTURE)})
    return f'{head[:-1]},"recordings":[{",".join(packed)}]}}'.encode("ascii")
