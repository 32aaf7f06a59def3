"""OTLP/HTTP: what a request brings, and what it is answered.

https://opentelemetry.io/docs/specs/otlp/#otlphttp

A request that cannot be read is refused whole; of one that can, single spans may be rejected, which
its answer tells (`partial_success`).
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from lab.console import otlp_protobuf
from lab.console.limits import MAX_DECODED
from lab.tracing.span import Span, Value, decode_attributes, decode_span
from lab.tracing.unpacking import unpack

JSON, PROTOBUF = "application/json", "application/x-protobuf"

MAX_TIME = 1 << 63
"""Nanoseconds since 1970: the year 2262, and SQLite's largest integer."""

INVALID, EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 3, 8, 12, 14
CODES = {400: INVALID, 405: UNIMPLEMENTED, 413: EXHAUSTED, 415: INVALID, 503: UNAVAILABLE}
"""google.rpc.Code for each status that is answered."""


class Refused(Exception):
    """The whole request; ``status`` is HTTP's."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Export:
    """What a request brings."""

    spans: list[Span] = field(default_factory=list)
    rejected: int = 0
    reason: str = ""
    """Why the first of them was."""

    def reject(self, error: Exception) -> None:
        """Counts a span that is none."""
        self.rejected += 1
        self.reason = self.reason or (str(error) or repr(error))[:200]


def decompress(body: bytes, encoding: str) -> bytes:
    """The body without its Content-Encoding.  Raises Refused, before a bomb unfolds."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Refused(415, f"Content-Encoding {encoding}: send gzip, or none")
    decoded = b""
    try:
        while body:  # a file of gzip may have several members
            member = zlib.decompressobj(wbits=31)
            decoded += member.decompress(body, MAX_DECODED + 1 - len(decoded))
            if len(decoded) > MAX_DECODED:
                raise Refused(413, f"more than {MAX_DECODED} bytes when decompressed")
            if not member.eof:
                raise Refused(400, "the gzip data is cut off")
            body = member.unused_data
    except zlib.error as error:
        raise Refused(400, f"not gzip: {error}") from None
    return decoded


def read(body: bytes, content_type: str) -> Export:
    """The spans of a request.  Raises Refused."""
    try:
        return (read_json if content_type == JSON else read_protobuf)(body)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise Refused(400, f"not an ExportTraceServiceRequest: {error}"[:300]) from None


def read_recordings(body: bytes) -> Export:
    """What a server of the lab sends, as spans.  Raises Refused."""
    export = Export()
    try:
        spans = unpack(body)
    except ValueError as error:
        raise Refused(400, str(error)[:300]) from None
    for span in spans:
        try:
            export.spans.append(checked(span))
        except ValueError as error:
            export.reject(error)
    return export


def read_json(body: bytes) -> Export:
    """Raises ValueError, AttributeError, KeyError, TypeError, RecursionError."""
    export = Export()
    for span, resource in spans_of(json.loads(body)):
        try:
            export.spans.append(checked(decode_span(span, resource)))
        except (ValueError, AttributeError, KeyError, TypeError, OverflowError) as error:
            export.reject(error)
    return export


def spans_of(request: Any) -> Iterator[tuple[Any, Mapping[str, Value]]]:
    """Every span's JSON with its resource."""
    for resource_spans in request.get("resourceSpans", ()):
        resource = decode_attributes(resource_spans.get("resource", {}))
        for scope_spans in resource_spans.get("scopeSpans", ()):
            for span in scope_spans.get("spans", ()):
                yield span, resource


def read_protobuf(body: bytes) -> Export:
    """Raises ValueError."""
    export = Export()
    for message, resource in otlp_protobuf.spans_of(otlp_protobuf.parse(body)):
        try:
            export.spans.append(checked(otlp_protobuf.to_span(message, resource)))
        except ValueError as error:
            export.reject(error)
    return export


def checked(span: Span) -> Span:
    """Raises ValueError for times that are none."""
    if not (0 <= span.start < MAX_TIME and 0 <= span.end < MAX_TIME):
        raise ValueError("a time is not in nanoseconds since 1970")
    return span


def success(export: Export, content_type: str) -> bytes:
    """An ExportTraceServiceResponse."""
    if content_type == JSON:
        partial = {"rejectedSpans": str(export.rejected), "errorMessage": export.reason}
        return json.dumps({"partialSuccess": partial} if export.rejected else {}).encode()
    response = ExportTraceServiceResponse()
    if export.rejected:
        response.partial_success.rejected_spans = export.rejected
        response.partial_success.error_message = otlp_protobuf.writable(export.reason)
    encoded: bytes = response.SerializeToString()
    return encoded


def failure(refused: Refused, content_type: str) -> bytes:
    """A google.rpc.Status, as text that nobody's bytes can break."""
    code, reason = CODES[refused.status], str(refused).encode("ascii", "backslashreplace").decode()
    if content_type == PROTOBUF:
        return otlp_protobuf.status(code, reason)
    return json.dumps({"code": code, "message": reason}).encode()
