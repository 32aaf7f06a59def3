"""Recordings → text for the collector: plain JSON, that unpacking.py reads.

Packed on the thread that has served the request, once its answer is out: a thread of its own would
only fight for the GIL with it.  Where that may take long, it is left to the collector: OTLP has a
name and a type for each value and ids for each span.
"""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from lab.tracing.mask import mask_body
from lab.tracing.recording import CAPTURE, Recording
from lab.tracing.texts import environ_json, head_json, octets_json

CONTENT_TYPE = "application/vnd.wsgilab.recordings+json"
PATH = "/v1/recordings"

NEEDED = (
    "REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PROTOCOL SERVER_SOFTWARE "
    "REMOTE_ADDR HTTP_HOST HTTP_USER_AGENT HTTP_X_REQUEST_START wsgi.url_scheme"
).split()
"""What the collector needs of an environ for the attributes of a span."""

dumps = json.JSONEncoder(separators=(",", ":")).encode


def pack(recording: Recording) -> str:
    """One recording, as JSON; what is secret is masked."""
    server = octets = "null"
    environ: Mapping[str, Any] = recording.environ
    if recording.server is not None:
        *part, received = recording.server(recording)
        server = dumps(part)
        if CAPTURE and received is not None:
            octets = octets_of(*received, environ.get("CONTENT_TYPE", ""))
    if not CAPTURE:
        environ = {name: environ[name] for name in NEEDED if name in environ}
    said = dumps(
        [
            recording.trace_id,
            recording.parent_id,
            recording.status,
            recording.error,
            recording.lost,
            recording.attributes,
            recording.spans,
        ]
    )
    return f"{said[:-1]},{environ_json(environ)},{server},{octets}]"


def octets_of(head: bytes, body: bytes, answer: bytes, content_type: str) -> str:
    """Head and body of the request, head and body of the answer, as a list in JSON."""
    answer_head, _, answer_body = answer.partition(b"\r\n\r\n")
    body = mask_body(body, content_type) if body else b""
    answer_body = answer_body[:CAPTURE]
    if answer_body:
        answer_body = mask_body(answer_body, *type_and_coding(answer_head))
    texts = (head_json(head), octets_json(body), head_json(answer_head), octets_json(answer_body))
    return f"[{','.join(texts)}]"


def type_and_coding(head: bytes) -> tuple[str, str]:
    """The values of a head's Content-Type and Content-Encoding; empty where it has none."""
    found = {}
    for line in head.split(b"\r\n"):
        if line[:8] in (b"Content-", b"content-", b"CONTENT-"):
            name, _, value = line.partition(b":")
            found[name.lower()] = value.strip().decode("latin-1")
    return found.get(b"content-type", ""), found.get(b"content-encoding", "")


def batch(packed: Iterable[str], about: dict[str, Any]) -> bytes:
    """A request body; ``about`` says what holds for the process."""
    offset = time.time_ns() - time.monotonic_ns()
    head = dumps({**about, "offset": offset, "bytes": bool(CAPTURE)})
    return f'{head[:-1]},"recordings":[{",".join(packed)}]}}'.encode("ascii")
