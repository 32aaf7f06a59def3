"""Spans from and to OTLP's protobuf form."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from lab.tracing.span import ERROR, Event, Span, Value, encode, hex_id

Json = dict[str, Any]


def to_protobuf(spans: Iterable[Span]) -> bytes:
    """An ExportTraceServiceRequest."""
    request = ExportTraceServiceRequest()
    for group in encode(spans)["resourceSpans"]:
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.extend(map(key_value, group["resource"]["attributes"]))
        for scope in group["scopeSpans"]:
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name = scope["scope"]["name"]
            for span in scope["spans"]:
                fill(scope_spans.spans.add(), span)
    encoded: bytes = request.SerializeToString()
    return encoded


def fill(message: Any, span: Json) -> None:
    """Sets a Span's fields to those of its JSON form."""
    message.trace_id = bytes.fromhex(span["traceId"])
    message.span_id = bytes.fromhex(span["spanId"])
    message.parent_span_id = bytes.fromhex(span.get("parentSpanId", ""))
    message.name = writable(span["name"])
    message.kind = span["kind"] if 0 <= span["kind"] <= 5 else 0
    message.start_time_unix_nano = int(span["startTimeUnixNano"])
    message.end_time_unix_nano = int(span["endTimeUnixNano"])
    message.attributes.extend(map(key_value, span["attributes"]))
    for event in span.get("events", ()):
        added = message.events.add()
        added.time_unix_nano = int(event["timeUnixNano"])
        added.name = writable(event["name"])
    if "status" in span:
        message.status.code = span["status"]["code"]
        message.status.message = writable(span["status"]["message"])


def key_value(pair: Json) -> KeyValue:
    """An attribute."""
    message = KeyValue(key=writable(pair["key"]))
    set_value(message.value, pair["value"])
    return message


def set_value(message: AnyValue, value: Json) -> None:
    """A value, of those that span.encode_value() makes."""
    ((kind, content),) = value.items()
    match kind:
        case "stringValue":
            message.string_value = writable(content)
        case "boolValue":
            message.bool_value = content
        case "intValue":
            # An integer of more than 64 bits has no form here.
            if -(1 << 63) <= int(content) < 1 << 63:
                message.int_value = int(content)
            else:
                message.string_value = content
        case "doubleValue":
            message.double_value = float(content)
        case _:
            message.array_value.SetInParent()
            for each in content["values"]:
                set_value(message.array_value.values.add(), each)


def writable(text: str) -> str:
    """Protobuf takes Unicode alone; JSON may hold half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def parse(body: bytes) -> ExportTraceServiceRequest:
    """Raises ValueError."""
    try:
        request: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise ValueError("not an ExportTraceServiceRequest in protobuf") from None
    return request


def spans_of(request: ExportTraceServiceRequest) -> Iterator[tuple[Any, Mapping[str, Value]]]:
    """Every span's message with its resource."""
    for resource_spans in request.resource_spans:
        resource = attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for message in scope_spans.spans:
                yield message, resource


def to_span(message: Any, resource: Mapping[str, Value]) -> Span:
    """Raises ValueError for ids that are none."""
    return Span(
        trace_id=hex_id(message.trace_id.hex(), 32),
        span_id=hex_id(message.span_id.hex(), 16),
        parent_id=hex_id(message.parent_span_id.hex(), 16) if message.parent_span_id else "",
        name=message.name,
        start=message.start_time_unix_nano,
        end=message.end_time_unix_nano,
        attributes=attributes(message.attributes),
        events=[Event(event.time_unix_nano, event.name) for event in message.events],
        kind=message.kind,
        error=message.status.message if message.status.code == ERROR else None,
        resource=resource,
    )


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """The attributes of a span or a resource."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(message: AnyValue) -> Value:
    """A value; what the lab never sends itself, such as a map, becomes its text."""
    content = content_of(message)
    if message.WhichOneof("value") == "array_value":
        return [str(each) for each in content]
    value: Value = str(content) if isinstance(content, dict) else content
    return value


def content_of(message: AnyValue) -> Any:
    """A value as Python has it, with what is within; its text is made once, of the whole."""
    kind = message.WhichOneof("value")
    if kind is None:
        return ""
    content = getattr(message, kind)
    match kind:
        case "array_value":
            return [content_of(each) for each in content.values]
        case "kvlist_value":
            return {pair.key: content_of(pair.value) for pair in content.values}
        case "bytes_value":
            return content.hex()
    return content


def status(code: int, message: str) -> bytes:
    """A google.rpc.Status {int32 code = 1; string message = 2}, which no package here brings."""
    text = message.encode()
    return b"\x08" + varint(code) + b"\x12" + varint(len(text)) + text


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
