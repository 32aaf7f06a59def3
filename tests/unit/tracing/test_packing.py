"""Recordings on their way to the collector."""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.tracing import names, packing
from lab.tracing.mask import mask_body, mask_head
from lab.tracing.packing import batch, pack
from lab.tracing.recording import Recording, ServerPart
from lab.tracing.span import Span, decode, encode
from lab.tracing.unpacking import unpack

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/entries/",
    "QUERY_STRING": "q=a&password=hunter2",
    "SERVER_SOFTWARE": "other/1.0",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_COOKIE": "session=hunter2",
    "HTTP_HOST": "localhost:8080",
    "wsgi.url_scheme": "http",
}

SEEN = (1, 2, 3, 2, 3, 4, 4, 5, 6, 7, 8, 9, 1, True, None, "adaptive", 1, 0, 0, 3, "rider-1", 7)
"""As seen.tell() has it."""


def recorded(**more: str) -> Recording:
    one = Recording(TRACE, PARENT)
    one.environ = {**ENVIRON, **more}
    whole = one.begin("WSGI test")
    one.end(one.begin("view a.b", {"code.function.name": "a.b"}))
    one.end(whole)
    one.status = "404 Not Found"
    return one


def sent(*recordings: Recording, **about: Any) -> list[Span]:
    about = {"application": "django", "pid": 7, "dropped": 0, **about}
    return unpack(batch(map(pack, recordings), about))


def test_the_spans_of_a_server_without_hooks():
    server, called, whole, view = sent(recorded())
    assert [server.name, called.name, whole.name, view.name] == [
        "GET /entries/",
        "application",
        "WSGI test",
        "view a.b",
    ]
    assert [server.parent_id, called.parent_id, whole.parent_id, view.parent_id] == [
        PARENT,
        server.span_id,
        called.span_id,
        whole.span_id,
    ]
    assert [server.hop, called.hop, whole.hop, view.hop] == ["server"] * 2 + ["application"] * 2
    assert {span.trace_id for span in (server, called, whole, view)} == {TRACE}
    assert server.resource == {"service.name": "other", "process.pid": 7}
    assert view.resource == {"service.name": "django", "process.pid": 7}
    assert server.attributes["http.response.status_code"] == 404
    assert server.error is None
    assert "no hooks" in server.attributes[names.UNKNOWN][0]  # type: ignore[index]
    assert server.start <= whole.start <= view.start <= view.end <= whole.end


def test_what_the_server_tells_becomes_its_span():
    one = recorded()
    part = ServerPart(
        "paceline",
        1_000_000_000,
        4_000_000_000,
        [("queue", 1_000_000_000, 1_500_000_000), ("application", 2_000_000_000, 3_000_000_000)],
        [("first byte", 3_500_000_000), ("last byte", 0)],
        {names.MODEL: "adaptive"},
        "KeyError",
    )
    one.server = lambda: (part, (b"", b"", b""))
    server, queue, called, whole, _ = sent(one)
    assert server.end - server.start == 3_000_000_000
    assert queue.end - queue.start == 500_000_000
    assert [event.name for event in server.events] == ["first byte"]
    assert server.events[0].time - server.start == 2_500_000_000
    assert server.attributes[names.MODEL] == "adaptive"
    assert server.error == "KeyError"
    assert whole.parent_id == called.span_id


def test_what_paceline_has_seen_is_told_in_short():
    one = recorded()
    one.server = lambda: (SEEN, (b"GET / HTTP/1.1", b"", b"HTTP/1.1 200 OK\r\n\r\na"))
    server, queue, receive, called, whole, _ = sent(one)
    assert [span.name for span in (queue, receive, called)] == ["queue", "receive", "application"]
    assert [span.end - span.start for span in (server, queue, receive, called)] == [7, 1, 1, 3]
    assert [event.name for event in server.events][:2] == ["connection accepted", "head read"]
    assert server.attributes[names.CONNECTION_REQUESTS] == 1
    assert server.attributes[names.RESPONSE_BODY] == "a"
    assert names.REQUEST_BODY not in server.attributes
    assert whole.attributes[names.CPU_TIME] == server.attributes[names.CPU_TIME]


def test_secrets_stay_where_they_are():
    body = batch([pack(recorded())], {"application": "a", "pid": 1})
    assert b"hunter2" not in body
    assert b"session" in body  # the cookie's name


def test_with_bytes_off_there_is_no_environ(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packing, "CAPTURE", 0)
    body = batch([pack(recorded())], {"application": "a", "pid": 1})
    assert b"hunter2" not in body
    assert b"HTTP_COOKIE" not in body
    server, *_ = unpack(body)
    assert names.ENVIRON not in server.attributes
    assert server.attributes["url.query"].startswith("q=a&password=")  # type: ignore[union-attr]


def test_the_time_since_the_proxy_sent_it_stands_for_a_queue_that_the_server_cannot_tell():
    server, queue, *_ = sent(recorded(HTTP_X_REQUEST_START=f"t={time.time() - 0.25:.3f}"))
    assert queue.name == "queue"
    assert queue.start == server.start
    assert 0.24 < (queue.end - queue.start) / 1e9 < 10
    assert queue.attributes[names.UNCERTAINTY] == 0.001


@pytest.mark.parametrize("claim", ["t=0", "t=", "nan", "t=9e99", "t=inf", "t=-1", "tomorrow"])
def test_a_time_that_cannot_be_is_not_believed(claim: str):
    assert "queue" not in [span.name for span in sent(recorded(HTTP_X_REQUEST_START=claim))]


def test_what_was_lost_is_told():
    server, *_ = sent(recorded(), dropped=3)
    assert server.resource["wsgilab.dropped"] == 3


def by_id(spans: Iterable[Span]) -> dict[str, Span]:
    return {span.span_id: replace(span, events=list(span.events)) for span in spans}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_is_no_batch_is_refused(document: object):
    with pytest.raises(ValueError, match="not a batch of recordings"):
        unpack(json.dumps(document).encode())
    with pytest.raises(ValueError, match="not a batch of recordings"):
        unpack(b"{}\n" + json.dumps(document).encode() + b"\n{}\n")


def changed(document: Any, data: st.DataObject) -> Any:
    """JSON with something else somewhere in it."""
    place = document
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    return document


@given(st.data())
def test_a_batch_with_anything_wrong_in_it_is_spans_or_refused(data: st.DataObject):
    one = recorded()
    one.server = lambda: (SEEN, (b"GET / HTTP/1.1", b"", b"HTTP/1.1 200 OK\r\n\r\na"))
    lines = batch([pack(one)], {"application": "a", "pid": 1}).split(b"\n", 3)
    number = data.draw(st.sampled_from(range(3)))
    lines[number] = json.dumps(changed(json.loads(lines[number]), data)).encode()
    try:
        spans = unpack(b"\n".join(lines))
    except ValueError:
        return
    passed_on = decode(json.loads(json.dumps(encode(spans)).encode()))
    assert by_id(passed_on) == by_id(spans)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_batch_that_was_cut_short_is_refused(cut: int):
    one = recorded()
    one.server = lambda: (SEEN, (b"GET / HTTP/1.1", b"", b"HTTP/1.1 200 OK\r\n\r\na"))
    body = batch([pack(one)], {"application": "a", "pid": 1})
    with pytest.raises(ValueError, match="not a batch of recordings"):
        unpack(body[:-cut])


HEADS = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\nHost: a",
        b"GET /?token=hunter2 HTTP/1.1\r\nHost: a",
        b"GET / HTTP/1.1\r\nX_Api_Key: hunter2",
        b"GET / HTTP/1.1\r\nCookie: a=1;\r\n b=hunter2",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"a=b",
        b"password=hunter2",
        b'{"tok\\u0065n": "hunter2"}',
        b"%70assword=hunter2",
        b'<input value="hunter2" ' + b" " * packing.CAPTURE,
        b"a" * packing.CAPTURE,
        b'{"token": "hunter2"}',
    ]
)
ANSWERS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=hunter2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-type: text/html\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nCONTENT-ENCODING: gzip\r\n\r\n",
    ]
)
TYPES = st.sampled_from(["", "application/json", "text/html", "application/x-www-form-urlencoded"])


@given(HEADS, BODIES, ANSWERS, BODIES, TYPES, st.sampled_from(["", "gzip"]))
def test_the_quick_look_hides_what_the_masks_would(
    head: bytes, body: bytes, answer: bytes, answered: bytes, kind: str, coding: str
):
    environ = {"CONTENT_TYPE": kind, "HTTP_CONTENT_ENCODING": coding}
    body = body[: packing.CAPTURE]
    answer_head = answer.removesuffix(b"\r\n\r\n")
    assert packing.masked(head, body, answer + answered, environ) == (
        mask_head(head),
        mask_body(body, kind, coding),
        mask_head(answer_head),
        mask_body(answered[: packing.CAPTURE], *packing.type_and_coding(answer_head)),
    )


def test_an_answer_in_chunks_is_masked_and_told_without_them():
    pieces = [b"{", b'"password"', b": ", b'"hunter2"', b', "a": "b"}']  # as iterencode() has them
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nTransfer-Encoding: chunked"
    for end in range(len(chunks)):
        octets = b"", b"", head + b"\r\n\r\n" + chunks[: end + 1]
        one = recorded()
        part = ServerPart("x", 1, 2, [], [], {})
        one.server = lambda octets=octets, part=part: (part, octets)
        body = str(sent(one)[0].attributes.get(names.RESPONSE_BODY, ""))
        assert "hunter" not in body and "\r" not in body
    assert body == '{"password": "***", "a": "b"}'
