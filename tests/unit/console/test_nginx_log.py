"""nginx's lines as data: each with the spans that it becomes."""

import json
from typing import Any

import pytest

from lab.console.nginx_log import BadLine, masked, spans_of
from lab.tracing.assembly import assemble
from lab.tracing.names import HOP, UNCERTAINTY, UPSTREAM_SPLIT
from lab.tracing.span import CLIENT, SERVER, Span

# As nginx 1.31 wrote it for a request that paceline answered.
LINE: dict[str, str] = {
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "parent_id": "00f067aa0ba902b7",
    "flags": "01",
    "request_id": "b7ad6b71692033310000000000000000",
    "msec": "1800000000.061",
    "request_time": "0.061",
    "method": "GET",
    "scheme": "https",
    "host": "localhost:8443",
    "uri": "/entries/?page=2",
    "protocol": "HTTP/1.1",
    "status": "200",
    "user_agent": "curl/7.88.1",
    "remote_addr": "127.0.0.1",
    "remote_port": "50312",
    "tls_protocol": "TLSv1.3",
    "tls_cipher": "TLS_AES_256_GCM_SHA384",
    "connection": "17",
    "connection_requests": "2",
    "tcpinfo_rtt": "36",
    "request_length": "212",
    "bytes_sent": "5400",
    "request_completion": "OK",
    "upstream_addr": "127.0.0.1:8000",
    "upstream_status": "200",
    "upstream_connect_time": "0.001",
    "upstream_header_time": "0.058",
    "upstream_response_time": "0.060",
}
NO_UPSTREAM = {f"upstream_{key}": "" for key in ("addr", "status")} | {
    f"upstream_{key}_time": "" for key in ("connect", "header", "response")
}
END = 1_800_000_000_061


def line(**changes: str) -> bytes:
    said = json.dumps({**LINE, **changes}, ensure_ascii=False)
    return b"<190>Nov 25 23:12:09 nginx: " + said.encode("utf-8", "surrogateescape")


def upstream(addr: str, status: str, connect: str, header: str, response: str) -> dict[str, str]:
    times = {"connect": connect, "header": header, "response": response}
    found = {f"upstream_{key}_time": value for key, value in times.items()}
    return {"upstream_addr": addr, "upstream_status": status, **found}


def told(span: Span) -> tuple[str, int, int]:
    """Its name, and when it began and ended in ms before the line was written."""
    return span.name, span.start // 10**6 - END, span.end // 10**6 - END


ONE_TRY = [("connect", -61, -60), ("wait", -60, -3), ("receive", -3, -1)]


def test_a_whole_line():
    whole, attempt, *steps = spans_of(line())
    assert (whole.trace_id, whole.span_id) == (LINE["trace_id"], LINE["span_id"])
    assert (whole.parent_id, whole.kind) == (LINE["parent_id"], SERVER)
    assert (whole.error, whole.resource) == (None, {"service.name": "nginx"})
    assert told(whole) == ("GET /entries/", -61, 0)
    assert whole.attributes == {
        HOP: "proxy",
        UNCERTAINTY: 0.001,
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.scheme": "https",
        "url.path": "/entries/",
        "url.query": "page=2",
        "server.address": "localhost:8443",
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": 50312,
        "network.protocol.version": "1.1",
        "tls.protocol.version": "1.3",
        "tls.cipher": "TLS_AES_256_GCM_SHA384",
        "user_agent.original": "curl/7.88.1",
        "http.request.size": 212,
        "http.response.size": 5400,
        "wsgilab.connection.requests": 2,
        "wsgilab.connection.id": 17,
        "wsgilab.tcp.rtt": 0.000036,
    }
    assert told(attempt) == ("try 127.0.0.1:8000", -61, -1)
    assert (attempt.kind, attempt.parent_id, attempt.error) == (CLIENT, whole.span_id, None)
    assert attempt.attributes == {
        HOP: "proxy",
        UNCERTAINTY: 0.001,
        UPSTREAM_SPLIT: "127.0.0.1:8000",
        "server.address": "127.0.0.1",
        "server.port": 8000,
        "http.response.status_code": 200,
    }
    assert [told(step) for step in steps] == ONE_TRY
    assert {step.parent_id for step in steps} == {attempt.span_id}
    assert len({span.span_id for span in (whole, attempt, *steps)}) == 5


def test_a_line_that_comes_twice_is_the_same_spans():
    assert spans_of(line()) == spans_of(line())
    other = spans_of(line(span_id="1" * 16))
    assert not {s.span_id for s in other} & {s.span_id for s in spans_of(line())}


TWO = "127.0.0.1:8000, 127.0.0.1:8001"
FIRST, SECOND = "try 127.0.0.1:8000", "try 127.0.0.1:8001"


@pytest.mark.parametrize(
    ("changes", "expected", "errors"),
    [
        pytest.param(NO_UPSTREAM, [], [], id="a static file"),
        pytest.param({f"upstream_{k}": "-" for k in ("addr", "status")}, [], [], id="dashes"),
        pytest.param(
            upstream(TWO, "502, 200", "-, 0.001", "-, 0.040", "0.002, 0.050"),
            [(FIRST, -61, -59), (SECOND, -59, -9)],
            ["no connection", None],
            id="one server is down",
        ),
        pytest.param(
            upstream(TWO, "504, 200", "0.000, 0.000", "-, 0.005", "0.030, 0.006"),
            [(FIRST, -61, -31), (SECOND, -31, -25)],
            ["no answer", None],
            id="one server is too slow",
        ),
        pytest.param(
            upstream(
                "127.0.0.1:8000 : 127.0.0.1:8001",
                "404 : 200",
                "0.000 : 0.001",
                "0.004 : 0.006",
                "0.004 : 0.007",
            ),
            [(FIRST, -61, -57), (SECOND, -57, -50)],
            [None, None],
            id="an internal redirect",
        ),
        pytest.param(
            upstream(
                "127.0.0.1:8000, 127.0.0.1:8001 : 127.0.0.1:8000",
                "502, 502 : 200",
                "-, - : 0.000",
                "-, - : 0.002",
                "0.000, 0.000 : 0.002",
            ),
            [(FIRST, -61, -61), (SECOND, -61, -61), (FIRST, -61, -59)],
            ["no connection", "no connection", None],
            id="both down, then a redirect",
        ),
        pytest.param(
            upstream("unix:/run/wsgilab/server.sock", "200", "0.000", "0.060", "0.060"),
            [("try unix:/run/wsgilab/server.sock", -61, -1)],
            [None],
            id="a Unix socket",
        ),
        pytest.param(
            {"status": "502", **upstream("server", "502", "-", "-", "0.000")},
            [("try server", -61, -61)],
            ["no connection"],
            id="no live upstreams",
        ),
        pytest.param(
            {"status": "499", **upstream("127.0.0.1:8000", "-", "0.000", "-", "0.061")},
            [(FIRST, -61, 0)],
            ["no answer"],
            id="the client left",
        ),
        pytest.param(
            upstream("127.0.0.1:8000", "500", "0.000", "0.060", "0.060"),
            [(FIRST, -61, -1)],
            ["500 Internal Server Error"],
            id="the server failed",
        ),
        pytest.param(
            {
                "request_start": "t=1800000000.050",
                **upstream("127.0.0.1:8000", "200", "0.000", "0.010", "0.010"),
            },
            [(FIRST, -11, -1)],
            [None],
            id="a body that took 50 ms to come",
        ),
        pytest.param(
            {"request_start": "t=1700000000.000"}, [(FIRST, -61, -1)], [None], id="a clock set back"
        ),
    ],
)
def test_tries(
    changes: dict[str, str], expected: list[tuple[str, int, int]], errors: list[str | None]
):
    spans = spans_of(line(**changes))
    attempts = [span for span in spans if span.kind == CLIENT]
    assert [told(span) for span in attempts] == expected
    assert [span.error for span in attempts] == errors
    # Each step lies in its try, and they follow each other.
    for attempt in attempts:
        steps = [span for span in spans if span.parent_id == attempt.span_id]
        names = ["connect", "wait", "receive"]
        names = {"no connection": names[:1], "no answer": names[:2]}.get(attempt.error or "", names)
        assert [step.name for step in steps] == names
        edges = [attempt.start, *(step.end for step in steps)]
        assert [step.start for step in steps] == edges[:-1]
        assert edges[-1] == attempt.end
    assert assemble(spans).duration == pytest.approx(0.061)


@pytest.mark.parametrize(
    ("status", "error"),
    [("200", None), ("404", None), ("499", "the client went away"), ("502", "502 Bad Gateway"),
     ("599", "599")],
)  # fmt: skip
def test_what_is_an_error(status: str, error: str | None):
    assert spans_of(line(status=status, **NO_UPSTREAM))[0].error == error


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"protocol": "HTTP/2.0"}, "network.protocol.version", "2"),
        ({"protocol": "HTTP/1.0"}, "network.protocol.version", "1"),
        ({"uri": "/a?b?c=/d"}, "url.query", "b?c=/d"),
        ({"uri": "/a?"}, "url.query", None),
        ({"host": ""}, "server.address", None),
        ({"tls_protocol": "", "tls_cipher": ""}, "tls.protocol.version", None),
        ({"user_agent": 'x"\n\t\\'}, "user_agent.original", 'x"\n\t\\'),
        ({"uri": "/\udcff\udcfe"}, "url.path", "/\ufffd\ufffd"),
        ({"uri": "/ä"}, "url.path", "/ä"),
        ({"tcpinfo_rtt": ""}, "wsgilab.tcp.rtt", 0.0),
    ],
)
def test_attributes(changes: dict[str, str], name: str, value: Any):
    assert spans_of(line(**changes))[0].attributes.get(name) == value


def test_a_request_that_nobody_understood():
    bad = {"method": "", "uri": "", "host": "", "status": "400", "protocol": "", "parent_id": ""}
    (whole,) = spans_of(line(**bad, **NO_UPSTREAM))
    assert (whole.name, whole.parent_id) == ("? /", "")


@pytest.mark.parametrize(
    ("flags", "count"), [("00", 0), ("02", 0), ("01", 5), ("03", 5), ("ff", 5)]
)
def test_only_what_is_sampled(flags: str, count: int):
    assert len(spans_of(line(flags=flags))) == count


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"<190>Nov 25 23:12:09 nginx: ",
        b"<190>Nov 25 23:12:09 nginx: {",
        b"{" * 50_000,
        line()[:-40],
        line(trace_id="0" * 32),
        line(span_id="xyz"),
        line(parent_id="1"),
        line(flags=""),
        line(flags="x"),
        line(msec="-"),
        line(msec="nan"),
        line(msec="1e30"),
        line(request_time="-1"),
        line(status="-"),
        line(upstream_response_time="soon"),
        line(upstream_status="OK"),
        line(upstream_connect_time="inf"),
        line(remote_port="http"),
        b"<190>Nov 25 23:12:09 nginx: [1]",
        b'<190>Nov 25 23:12:09 nginx: {"flags": 1}',
    ],
)
def test_what_is_no_line(broken: bytes):
    with pytest.raises(BadLine):
        spans_of(broken)


def test_any_framing_of_syslog():
    text = line().partition(b": ")[2]
    for framing in (b"", b"<14>Nov  5 03:02:09 host.example nginx: ", b"<7>Jan  1 00:00:00 edge: "):
        assert spans_of(framing + text) == spans_of(line())


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("/?a=b&token=se-cret", "/?a=b&token=***"),
        ('/"?password=se-cret"', '/"?password=***'),
        ("/a\\", "/a\\"),
        ("http://me:se-cret@x/?a=b", "http://***@x/?a=b"),
    ],
)
def test_what_is_secret_in_a_query_is_hidden(uri: str, shown: str):
    hidden = masked(line(host='"uri":"/?b"', uri=uri))
    path, _, query = shown.partition("?")
    said = spans_of(hidden)[0].attributes
    assert (said["url.path"], said.get("url.query", "")) == (path, query)
    assert said["server.address"] == '"uri":"/?b"'
    assert b"se-cret" not in hidden
