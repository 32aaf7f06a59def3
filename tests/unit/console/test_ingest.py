"""POST /v1/traces as OTLP/HTTP says, and what nobody should be able to do by it."""

import gzip
import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from lab.console import otlp
from lab.console.ingest import before
from lab.console.limits import MAX_BODY, MAX_DECODED
from lab.console.otlp_protobuf import to_protobuf
from lab.tracing.names import Hop
from lab.tracing.span import Event, Span, decode, encode
from tests.unit.console.running import JSON, Console, eventually_equal
from tests.unit.tracing.traces import span

PROTOBUF = "application/x-protobuf"


def fresh() -> Span:
    """A span of a trace of its own, with all that a span can have."""
    made = span(1, 2, Hop.SERVER, "GET /", 0, 5, error="it broke")
    values = {"a": "ä\x00", "b": True, "c": 1 << 40, "d": 0.5, "e": ["x", "y"]}
    events = [Event(made.start + 1, "head read")]
    trace_id = os.urandom(16).hex()
    more = {"attributes": {**made.attributes, **values}, "trace_id": trace_id, "events": events}
    return replace(made, **more)


def changed(path: str, value: Any) -> bytes:
    """A request whose one span has another value somewhere; ``...`` takes it away."""
    request = encode([fresh()])
    place: Any = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    *way, last = (int(step) if step.isdecimal() else step for step in path.split("/"))
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(request).encode()


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF, "application/json; charset=utf-8"])
def test_what_is_sent_can_be_had_again(console: Console, content_type: str, encoding: str):
    sent = fresh()
    body = to_protobuf([sent]) if content_type == PROTOBUF else json.dumps(encode([sent])).encode()
    if encoding == "gzip":
        body = gzip.compress(body[:100]) + gzip.compress(body[100:])  # two members, as RFC 1952 has
    answer = console.post(body, content_type, **{"Content-Encoding": encoding})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == content_type.partition(";")[0]
    if content_type == PROTOBUF:
        assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    else:
        assert answer.json() == {}
    eventually_equal(lambda: len(console.spans(sent.trace_id)), 1)
    (kept,) = decode(console.get(f"/traces/{sent.trace_id}.json").json())
    assert kept == sent


def test_the_protobuf_is_protobuf():
    sent = fresh()
    request = ExportTraceServiceRequest.FromString(to_protobuf([sent]))
    (resource,) = request.resource_spans
    (made,) = resource.scope_spans[0].spans
    assert made.trace_id.hex() == sent.trace_id
    assert made.parent_span_id.hex() == sent.parent_id
    assert (made.status.code, made.status.message) == (2, "it broke")
    assert resource.resource.attributes[0].value.string_value == "paceline"
    assert {pair.key: pair.value.WhichOneof("value") for pair in made.attributes}[
        "c"
    ] == "int_value"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("traceId", "0" * 32),
        ("traceId", "ab"),
        ("traceId", 5),
        ("traceId", ...),
        ("spanId", "x" * 16),
        ("spanId", "+" + "1" * 15),
        ("parentSpanId", "1"),
        ("startTimeUnixNano", "-1"),
        ("endTimeUnixNano", str(1 << 63)),
        ("endTimeUnixNano", "9" * 5000),
        ("startTimeUnixNano", None),
        ("attributes", 7),
        ("attributes/0", "wsgilab.hop"),
        ("attributes/0/value", {"intValue": "one"}),
        ("attributes/0/value", {"arrayValue": 1}),
        ("events/0/timeUnixNano", "noon"),
        ("kind", "SERVER"),
    ],
)
def test_spans_that_are_none_are_rejected_alone(console: Console, path: str, value: Any):
    good = fresh()
    request = json.loads(changed(path, value))
    request["resourceSpans"] += encode([good])["resourceSpans"]
    answer = console.post(json.dumps(request))
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert answer.json()["partialSuccess"]["errorMessage"]
    eventually_equal(lambda: len(console.spans(good.trace_id)), 1)


def test_protobuf_rejects_them_too(console: Console):
    request = ExportTraceServiceRequest.FromString(to_protobuf([fresh(), fresh()]))
    request.resource_spans[0].scope_spans[0].spans[0].span_id = b"short"
    answer = console.post(request.SerializeToString(), PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert "hex digits" in partial.error_message


DEEP = b'{"resourceSpans":' + b"[" * 100_000
BOMB = gzip.compress(b" " * (MAX_DECODED + 1))


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status"),
    [
        (b"", JSON, "", 400),
        (b"{", JSON, "", 400),
        (b"[]", JSON, "", 400),
        (b"7", JSON, "", 400),
        (b"\xff", JSON, "", 400),
        (b'{"resourceSpans": 1}', JSON, "", 400),
        (b'{"resourceSpans": [{"scopeSpans": [1]}]}', JSON, "", 400),
        (b'{"resourceSpans": [{"resource": {"attributes": [{}]}}]}', JSON, "", 400),
        (DEEP, JSON, "", 400),
        (b"9" * 10_000, JSON, "", 400),
        (b"nonsense", PROTOBUF, "", 400),
        (b"{}", "text/plain", "", 415),
        (b"a=1", "application/x-www-form-urlencoded", "", 415),
        (b"{}", "", "", 415),
        (b"{}", JSON, "br", 415),
        (b"{}", JSON, "gzip", 400),
        (gzip.compress(b"{}")[:-3], JSON, "gzip", 400),
        (BOMB, JSON, "gzip", 413),
        (BOMB, PROTOBUF, "gzip", 413),
        (gzip.compress(b" " * (MAX_DECODED // 2)) * 3, JSON, "gzip", 413),
        (b" " * (MAX_BODY + 1), JSON, "", 413),
        (b" " * (MAX_BODY + 1), PROTOBUF, "", 413),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_standards_words(
    console: Console, body: bytes, content_type: str, encoding: str, status: int
):
    answer = console.post(body, content_type, **{"Content-Encoding": encoding})
    assert answer.status_code == status
    if content_type == PROTOBUF:
        assert answer.headers["Content-Type"] == PROTOBUF
        assert answer.content[:1] == b"\x08"  # field 1, a varint: google.rpc.Status.code
        assert answer.content[2:3] == b"\x12"  # field 2, a text: its message
    else:
        assert answer.json()["code"] in (3, 8)
        assert answer.json()["message"]
    assert console.get("/healthz").status_code == 200


def test_a_body_in_chunks_has_the_same_bound(console: Console):
    def chunks() -> Any:
        for _ in range(MAX_BODY // 65536 + 1):
            yield b" " * 65536

    assert console.post(chunks()).status_code == 413
    assert console.post(iter([b"{", b"}"])).json() == {}  # type: ignore[arg-type]


def test_a_status_is_protobuf_that_others_read(console: Console):
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", syntax="proto3")
    message = file.message_type.add(name="Status")
    message.field.add(name="code", number=1, type=5, label=1)
    message.field.add(name="message", number=2, type=9, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    status = message_factory.GetMessageClass(pool.FindMessageTypeByName("Status"))
    answer = console.post(b"\xff" * 300, PROTOBUF)
    assert status.FromString(answer.content).code == 3
    assert "ExportTraceServiceRequest" in status.FromString(answer.content).message


class Full:
    """A collector that has no room."""

    rejected = 0

    def take(self, spans: Any, body: Any) -> bool:
        return False


def test_where_there_is_no_room_a_sender_comes_again():
    body = json.dumps(encode([fresh()])).encode()
    environ = {
        "PATH_INFO": "/v1/traces",
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": JSON,
        "HTTP_HOST": "localhost",
        "wsgi.input": io.BytesIO(body),
    }
    started: list[Any] = []
    site: Any = None
    application = before(site, lambda host: True, Full)  # type: ignore[arg-type, return-value]
    (answer,) = application(environ, lambda *arguments: started.extend(arguments))
    assert started[0] == "503 Service Unavailable"
    assert dict(started[1])["Retry-After"] == "1"
    assert json.loads(answer)["code"] == 14


def test_only_post(console: Console):
    answer = console.get("/v1/traces", headers={"Content-Type": JSON})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_half_a_character_harms_nobody(console: Console):
    odd = replace(fresh(), name="\ud800", error="\udfff")
    odd = replace(odd, attributes={**odd.attributes, "url.path": "/\ud83d", "nan": float("nan")})
    assert console.post(json.dumps(encode([odd]))).status_code == 200
    eventually_equal(lambda: len(console.spans(odd.trace_id)), 1)
    text = console.get(f"/traces/{odd.trace_id}.json").text
    json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


def nested(depth: int) -> Any:
    value: dict[str, Any] = {"stringValue": "'"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


@pytest.mark.parametrize("kind", ["array_value", "kvlist_value"])
def test_lists_within_lists_stay_small(kind: str):
    request = ExportTraceServiceRequest()
    made = request.resource_spans.add().scope_spans.add().spans.add()
    made.trace_id, made.span_id = b"1" * 16, b"1" * 8
    value = made.attributes.add(key="deep").value
    for _ in range(20):  # protobuf's own bound is 100 messages
        within = getattr(value, kind).values.add()
        value = within if kind == "array_value" else within.value
    value.string_value = "'"
    (read,) = otlp.read(request.SerializeToString(), PROTOBUF).spans
    assert len(str(read.attributes["deep"])) < 300
    (read,) = otlp.read(changed("attributes/0/value", nested(20)), JSON).spans
    assert max(len(str(value)) for value in read.attributes.values()) < 1000


@pytest.mark.parametrize("digits", ["\uff11" * 32, "\u0661" * 32, "_" + "1" * 31])
def test_an_id_has_digits_of_ascii(digits: str):
    export = otlp.read(changed("traceId", digits), JSON)
    assert (len(export.spans), export.rejected) == (0, 1)


def test_a_key_that_is_no_text_becomes_one():
    (read,) = otlp.read(changed("attributes/0/key", 5), JSON).spans
    assert {type(key) for key in read.attributes} == {str}


def test_an_unknown_trace(console: Console):
    for name in (f"{7:032x}", "7", "../../etc/passwd", f"{7:032X}"):
        answer = console.get(f"/traces/{name}.json")
        assert answer.status_code == 404, name


def test_a_bomb_stays_small(console: Console):
    pid = console.popen.pid
    (worker,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    bomb = gzip.compress(b" " * (600 << 20), compresslevel=1)
    assert len(bomb) < MAX_BODY
    started = time.monotonic()
    assert console.post(bomb, JSON, **{"Content-Encoding": "gzip"}).status_code == 413
    assert time.monotonic() - started < 10
    with open(f"/proc/{worker}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < 300 << 10  # KiB
