"""Recordings → octets for the collector, that unpacking.py reads: of each two lines of JSON, the
second its environ, and behind them heads and bodies as they went by, but for what is secret.

Packed on the thread that has served the request, once its answer is out: a thread of its own would
only fight for the GIL with it.  Where that may take long, it is left to the collector: OTLP has a
name and a type for each value and ids for each span.
"""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from lab.tracing.environs import environ_json
from lab.tracing.jsons import dumps
from lab.tracing.mask import mask_head
from lab.tracing.mask_bodies import mask_body
from lab.tracing.recording import CAPTURE, Recording
from lab.tracing.secret_names import may_hold_secrets

CONTENT_TYPE = "application/vnd.wsgilab.recordings"
PATH = "/v1/recordings"

NEEDED = (
    "REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PROTOCOL SERVER_SOFTWARE "
    "REMOTE_ADDR HTTP_HOST HTTP_USER_AGENT HTTP_X_REQUEST_START wsgi.url_scheme"
).split()
"""What the collector needs of an environ for the attributes of a span."""

TYPE = re.compile(rb"\ncontent-type:[ \t]*([^\r\n]*)", re.IGNORECASE)
CODING = re.compile(rb"\ncontent-encoding:[ \t]*([^\r\n]*)", re.IGNORECASE)
CHUNKED = re.compile(rb"\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")  # as our servers write them


def pack(recording: Recording) -> bytes:
    """One recording; what is secret is masked."""
    environ: Mapping[str, Any] = recording.environ
    if not CAPTURE:
        environ = {name: environ[name] for name in NEEDED if name in environ}
    part, octets = recording.server() if recording.server else (None, None)
    blocks = masked(*octets, environ) if octets and CAPTURE else ()
    line = dumps(
        (
            recording.trace_id,
            recording.parent_id,
            recording.status,
            recording.error,
            recording.lost,
            recording.attributes,
            recording.tape,
            [(place, each.attributes, each.error) for place, each in recording.details.items()],
            part,
            [*map(len, blocks)],
        )
    )
    text = f"{line}\n{environ_json(environ)}\n".encode("ascii")
    return b"".join([text, *blocks])


def masked(
    head: bytes, body: bytes, answer: bytes, environ: Mapping[str, Any]
) -> tuple[bytes, ...]:
    """Head and body of the request, head and body of the answer."""
    answer_head, _, answer_body = answer.partition(b"\r\n\r\n")
    coding = environ.get("HTTP_CONTENT_ENCODING", "")
    coded = coding or answer_head.lower().find(b"-encoding:") > 0
    cut_off = len(body) >= CAPTURE or len(answer_body) >= CAPTURE
    if not coded and not cut_off and not may_hold_secrets(head + body + answer):
        return head, body, answer_head, answer_body
    if CHUNKED.search(answer_head):
        answer_body = unchunked(answer_body)
    return (
        mask_head(head),
        mask_body(body, environ.get("CONTENT_TYPE", ""), coding),
        mask_head(answer_head),
        mask_body(answer_body[:CAPTURE], *type_and_coding(answer_head)),
    )


def type_and_coding(head: bytes) -> tuple[str, str]:
    """The values of a head's Content-Type and Content-Encoding; empty where it has none."""
    kind, coding = TYPE.search(head), CODING.search(head)
    return (
        kind[1].decode("latin-1") if kind else "",
        coding[1].decode("latin-1") if coding else "",
    )


def unchunked(body: bytes) -> bytes:
    """The beginning of a body without the framing of chunks.

    Between two of them a secret's name and its value would not be known as such.
    """
    pieces, position = [], 0
    while size := CHUNK.match(body, position):
        position = size.end() + int(size[1], 16)
        pieces.append(body[size.end() : position])
        position += 2
    return b"".join(pieces)


def batch(packed: Iterable[bytes], about: dict[str, Any]) -> bytes:
    """A request body: a line with ``about``, what holds for the process, and then recordings."""
    offset = time.time_ns() - time.monotonic_ns()
    head = dumps({**about, "offset": offset, "bytes": bool(CAPTURE)})
    return b"".join([head.encode("ascii"), b"\n", *packed])
