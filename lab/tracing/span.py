"""A span, and its form in OTLP/JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).

Ids are hex, enums are numbers, 64-bit integers are texts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from lab.tracing.names import HOP

Value = str | bool | int | float | Sequence[str]

INTERNAL, SERVER, CLIENT = 1, 2, 3
"""SpanKind."""
ERROR = 2
"""StatusCode of a span that failed; others have none."""


@dataclass(frozen=True, slots=True)
class Event:
    """A moment of a span: nanoseconds since 1970, and what happened."""

    time: int
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work: from ``start`` to ``end``, nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    """Empty: it has none."""
    name: str
    start: int
    end: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: Sequence[Event] = ()
    kind: int = INTERNAL
    error: str | None = None
    """Why it failed; None where it did not."""
    resource: Mapping[str, Value] = field(default_factory=dict)
    """What holds for all spans of its process, such as ``service.name``."""

    @property
    def hop(self) -> str:
        """Who did it; empty for a span of somebody else's."""
        return str(self.attributes.get(HOP, ""))


def encode(spans: Iterable[Span]) -> dict[str, Any]:
    """An ExportTraceServiceRequest, ready for json.dumps()."""
    resources: dict[tuple[tuple[str, Value], ...], list[Span]] = {}
    for span in spans:
        resources.setdefault(tuple(sorted(span.resource.items())), []).append(span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(dict(resource))},
                "scopeSpans": [{"scope": {"name": "wsgilab"}, "spans": [*map(encode_span, group)]}],
            }
            for resource, group in resources.items()
        ]
    }


def encode_span(span: Span) -> dict[str, Any]:
    """A span of OTLP."""
    encoded: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": attributes(span.attributes),
    }
    if span.parent_id:
        encoded["parentSpanId"] = span.parent_id
    if span.events:
        encoded["events"] = [{"timeUnixNano": str(e.time), "name": e.name} for e in span.events]
    if span.error is not None:
        encoded["status"] = {"code": ERROR, "message": span.error}
    return encoded


NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """KeyValues of OTLP."""
    return [{"key": key, "value": encode_value(value)} for key, value in values.items()]


def encode_value(value: Value) -> dict[str, Any]:
    """An AnyValue of OTLP."""
    match value:
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            # JSON has no word for NaN and the infinities; Protobuf's mapping to JSON has texts.
            return {"doubleValue": value if isfinite(value) else NOT_FINITE[str(value)]}
        case _:
            return {"arrayValue": {"values": [encode_value(each) for each in value]}}


def decode(request: Any) -> Iterator[Span]:
    """The spans of an ExportTraceServiceRequest as json.loads() gives it.

    Raises ValueError, with the reason, where it is none.
    """
    try:
        for resource_spans in request.get("resourceSpans", ()):
            resource = decode_attributes(resource_spans.get("resource", {}))
            for scope_spans in resource_spans.get("scopeSpans", ()):
                for span in scope_spans.get("spans", ()):
                    yield decode_span(span, resource)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an ExportTraceServiceRequest: {error!r}") from error


def decode_span(span: Mapping[str, Any], resource: Mapping[str, Value]) -> Span:
    """Raises KeyError, TypeError, ValueError."""
    status = span.get("status", {})
    return Span(
        trace_id=hex_id(span["traceId"], 32),
        span_id=hex_id(span["spanId"], 16),
        parent_id=hex_id(span.get("parentSpanId", ""), 16) if span.get("parentSpanId") else "",
        name=str(span.get("name", "")),
        start=int(span["startTimeUnixNano"]),
        end=int(span["endTimeUnixNano"]),
        attributes=decode_attributes(span),
        events=[Event(int(e["timeUnixNano"]), str(e["name"])) for e in span.get("events", ())],
        kind=int(span.get("kind", 0)),
        error=str(status.get("message", "")) if status.get("code") == ERROR else None,
        resource=resource,
    )


ID = re.compile("(?!0+$)[0-9a-fA-F]+")


def hex_id(text: object, digits: int) -> str:
    """An id in lower case.  Raises ValueError for anything else than hex digits, or all zeros."""
    if isinstance(text, str) and len(text) == digits and ID.fullmatch(text):
        return text.lower()
    raise ValueError(f"{text!r} is no id of {digits} hex digits")


def decode_attributes(holder: Mapping[str, Any]) -> dict[str, Value]:
    """The ``attributes`` of a span or a resource."""
    values: dict[str, Value] = {}
    for pair in holder.get("attributes", ()):
        value = pair["value"]
        text = value.get("stringValue")  # as most are
        values[str(pair["key"])] = text if isinstance(text, str) else decode_value(value)
    return values


def decode_value(value: Mapping[str, Any]) -> Value:
    """A value; what the lab never sends itself, such as a map, becomes its text."""
    for kind, content in value.items():
        match kind:
            case "stringValue":
                return str(content)
            case "boolValue":
                return bool(content)
            case "intValue":
                return int(content)
            case "doubleValue":
                return float(content)
            case "arrayValue":
                return [*map(decode_text, content.get("values", ()))]
        return str(content)
    return ""


def decode_text(value: Mapping[str, Any]) -> str:
    """A value of a list as text.  A list within it is not decoded first: each text of a text has
    twice the backslashes of the one within."""
    return str(value if "arrayValue" in value else decode_value(value))
