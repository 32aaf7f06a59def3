"""Recordings → text for the collector: plain JSON, that unpacking.py reads.

Packed on the thread that has served the request, once its answer is out: a thread of its own would
only fight for the GIL with it.  Where that may take long, it is left to the collector: OTLP has a
name and a type for each value and ids for each span.
"""

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from lab.tracing.mask import mask_body
from lab.tracing.recording import CAPTURE, Recording, ServerPart
from lab.tracing.texts import environ_json, head_json, name_json, octets_json

CONTENT_TYPE = "application/vnd.wsgilab.recordings+json"
PATH = "/v1/recordings"

NEEDED = (
    "REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PROTOCOL SERVER_SOFTWARE "
    "REMOTE_ADDR HTTP_HOST HTTP_USER_AGENT HTTP_X_REQUEST_START wsgi.url_scheme"
).split()
"""What the collector needs of an environ for the attributes of a span."""

TYPE = re.compile(rb"\n[Cc]ontent-[Tt]ype:[ \t]*([^\r\n]*)")
CODING = re.compile(rb"\n[Cc]ontent-[Ee]ncoding:[ \t]*([^\r\n]*)")
CHUNKED = re.compile(rb"\n[Tt]ransfer-[Ee]ncoding:[^\r\n]*chunked")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")  # as our servers write them

dumps = json.JSONEncoder(separators=(",", ":")).encode


def pack(recording: Recording) -> str:
    """One recording, as JSON; what is secret is masked."""
    server = octets = "null"
    environ: Mapping[str, Any] = recording.environ
    if recording.server is not None:
        part = recording.server(recording)
        server = part_json(part)
        if CAPTURE and part.octets is not None:
            octets = octets_of(*part.octets, environ.get("CONTENT_TYPE", ""))
    if not CAPTURE:
        environ = {name: environ[name] for name in NEEDED if name in environ}
    error = "null" if recording.error is None else dumps(recording.error)
    return (
        f'["{recording.trace_id}","{recording.parent_id}",{name_json(recording.status)},{error},'
        f"{recording.lost},{attributes_json(recording.attributes)},{spans_json(recording.spans)},"
        f"{environ_json(environ)},{server},{octets}]"
    )


def spans_json(spans: Iterable[list[Any]]) -> str:
    """Spans as ``Recording.spans`` has them; by hand, since most of each is two numbers."""
    texts = [
        f"[{name_json(name)},{start},{end},{parent},"
        f"{'null' if attributes is None else attributes_json(attributes)},"
        f"{'null' if error is None else dumps(error)}]"
        for name, start, end, parent, attributes, error in spans
    ]
    return f"[{','.join(texts)}]"


def attributes_json(attributes: Mapping[str, Any]) -> str:
    """Attributes of a span."""
    texts = [f"{name_json(name)}:{value_json(value)}" for name, value in attributes.items()]
    return f"{{{','.join(texts)}}}"


def value_json(value: Any) -> str:
    """One value; the encoder costs as much for a number as for a page."""
    kind = type(value)
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    return dumps(value)


def part_json(part: ServerPart) -> str:
    """What the server tells, without the octets."""
    steps = [f"[{name_json(name)},{start},{end}]" for name, start, end in part.steps]
    events = [f"[{name_json(name)},{moment}]" for name, moment in part.events]
    error = "null" if part.error is None else dumps(part.error)
    return (
        f"[{name_json(part.software)},{part.start},{part.end},[{','.join(steps)}],"
        f"[{','.join(events)}],{attributes_json(part.attributes)},{error}]"
    )


def octets_of(head: bytes, body: bytes, answer: bytes, content_type: str) -> str:
    """Head and body of the request, head and body of the answer, as a list in JSON."""
    answer_head, _, answer_body = answer.partition(b"\r\n\r\n")
    body = mask_body(body, content_type) if body else b""
    if answer_body:
        if CHUNKED.search(answer_head):
            answer_body = unchunked(answer_body)
        answer_body = mask_body(answer_body[:CAPTURE], *type_and_coding(answer_head))
    texts = (head_json(head), octets_json(body), head_json(answer_head), octets_json(answer_body))
    return f"[{','.join(texts)}]"


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


def batch(packed: Iterable[str], about: dict[str, Any]) -> bytes:
    """A request body; ``about`` says what holds for the process."""
    offset = time.time_ns() - time.monotonic_ns()
    head = dumps({**about, "offset": offset, "bytes": bool(CAPTURE)})
    return f'{head[:-1]},"recordings":[{",".join(packed)}]}}'.encode("ascii")
