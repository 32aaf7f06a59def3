"""What nginx says of a request: to the server, to the client, to the collector, by LAB_TRACE."""

import json
import os
import queue
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.console.nginx_log import spans_of

from .conftest import START_LIMIT, Collector, Proxy, Upstream, read_all, running

Get = Callable[..., requests.Response]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

TIMING = re.compile(
    r'trace;desc="(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})", proxy;dur=(\d+)'
    r"(?:, upstream;dur=(\d+))?"
)


@pytest.fixture(scope="module")
def collector(stack: tuple[Proxy, Upstream]) -> Iterator[Collector]:
    with Collector(stack[0].collector) as collector:
        yield collector


@pytest.fixture(scope="module")
def by_mode(
    stack: tuple[Proxy, Upstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Proxy]]:
    """An nginx for each value of LAB_TRACE."""
    place = tmp_path_factory.mktemp
    bind = stack[1].bind
    with (
        running(place("sampled"), bind, LAB_TRACE="sampled") as sampled,
        running(place("off"), bind, LAB_TRACE="off") as off,
    ):
        yield {"all": stack[0], "sampled": sampled, "off": off}


def traceparent(flags: str) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"} if flags else {}


def sent(nginx: Proxy, path: str = "/", **fields: str) -> dict[str, str]:
    """The fields that reach the server."""
    answer: dict[str, Any] = requests.get(nginx.http + path, headers=fields, timeout=10).json()
    return dict(answer["fields"])


@pytest.mark.parametrize(
    ("mode", "client", "flags"),
    [
        ("all", "", "03"),
        ("all", "00", "01"),
        ("all", "01", "01"),
        ("all", "02", "03"),
        ("all", "fd", "01"),
        ("all", "ff", "03"),
        ("sampled", "", "02"),
        ("sampled", "00", "00"),
        ("sampled", "01", "01"),
        ("sampled", "02", "02"),
        ("sampled", "03", "03"),
        ("sampled", "f8", "00"),
        ("sampled", "fd", "01"),
        ("sampled", "fe", "02"),
        ("sampled", "ff", "03"),
    ],
)
def test_flags_say_whether_it_is_recorded(
    by_mode: dict[str, Proxy], upstream: Upstream, mode: str, client: str, flags: str
):
    assert sent(by_mode[mode], **traceparent(client))["traceparent"][-2:] == flags


@pytest.mark.parametrize("client", ["", "00", "01"])
def test_asking_for_health_is_traced_for_those_alone_who_ask_for_that(
    nginx: Proxy, upstream: Upstream, client: str
):
    assert sent(nginx, "/healthz?a", **traceparent(client))["traceparent"][-2:] == (client or "02")


def test_off_passes_on_what_came(by_mode: dict[str, Proxy], upstream: Upstream):
    given = {"traceparent": "whatever", "tracestate": "foo=1"}

    assert given.items() <= sent(by_mode["off"], **given).items()
    assert not {"traceparent", "tracestate"} & sent(by_mode["off"]).keys()


@pytest.mark.parametrize("mode", ["all", "sampled", "off"])
def test_nobody_can_claim_when_a_request_began(
    by_mode: dict[str, Proxy], upstream: Upstream, mode: str
):
    before = time.time()
    begun = sent(by_mode[mode], **{"X-Request-Start": "t=1"}).get("X-Request-Start")

    assert begun is None if mode == "off" else float(begun[2:]) >= before - 0.01


def test_every_answer_tells_its_trace_and_its_times(by_mode: dict[str, Proxy], upstream: Upstream):
    (by_mode["all"].static / "style.css").write_text("a {}")
    for path, status, asks_the_server in (
        ("/", 200, True),
        ("/static/style.css", 200, False),
        ("/static/missing", 404, False),
    ):
        answer = requests.get(by_mode["all"].http + path, headers=traceparent("01"), timeout=10)
        timing = TIMING.fullmatch(answer.headers["Server-Timing"])
        assert answer.status_code == status
        assert timing, answer.headers["Server-Timing"]
        span = answer.headers["X-Request-ID"][:16]
        assert timing[1] == f"00-{TRACE}-{span}-01"
        assert (timing[3] is not None) == asks_the_server

    assert "Server-Timing" not in requests.get(by_mode["off"].http, timeout=10).headers


@pytest.mark.parametrize("seconds", [0.02, 1.05])
def test_times_are_told_in_milliseconds(tmp_path: Path, seconds: float):
    """On both sides of a second, where nginx's text has another form."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running(tmp_path, f"127.0.0.1:{server.getsockname()[1]}") as nginx,
        socket.create_connection(("localhost", int(nginx.http.rpartition(":")[2])), 10) as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        upstream, _ = server.accept()
        with upstream:
            upstream.recv(65536)
            time.sleep(seconds)
            upstream.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        head = b"".join(iter(lambda: client.recv(65536), b"")).decode()

    timing = TIMING.search(head)
    assert timing, head
    # Of the two clocks one may be a millisecond ahead.
    low, high = seconds * 1000 - 5, seconds * 1000 + 900
    assert low <= int(timing[3]) <= int(timing[2]) + 1 <= high


def test_an_answer_of_the_second_server_tells_its_time_alone(tmp_path: Path, upstream: Upstream):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        nobody = f"127.0.0.1:{closing.getsockname()[1]}"
    with running(tmp_path, f"{nobody} max_fails=0; server {upstream.bind}") as nginx:
        with Collector(nginx.collector) as collector:
            answers = [requests.get(nginx.http, timeout=10) for _ in range(4)]
            ids = [answer.headers["X-Request-ID"] for answer in answers]
            lines = [collector.line(request_id=each) for each in ids]

    timings = [TIMING.fullmatch(answer.headers["Server-Timing"]) for answer in answers]
    assert all(timing and timing[3] for timing in timings)
    addresses = {line["upstream_addr"] for line in lines}
    assert f"{nobody}, {upstream.bind}" in addresses
    assert {line["upstream_status"] for line in lines} <= {"200", "502, 200"}


def test_the_collector_is_told_of_each_request(
    nginx: Proxy, upstream: Upstream, collector: Collector
):
    fields = {**traceparent("01"), "User-Agent": "curl/8"}
    answer = requests.post(
        nginx.https + "/a?b=c", b"body", headers=fields, verify=str(nginx.certificate), timeout=10
    )
    request_id = answer.headers["X-Request-ID"]
    line = collector.line(request_id=request_id)

    assert (line["trace_id"], line["span_id"]) == (TRACE, request_id[:16])
    assert (line["parent_id"], line["flags"]) == (PARENT, "01")
    assert (line["method"], line["uri"], line["protocol"]) == ("POST", "/a?b=c", "HTTP/1.1")
    assert (line["scheme"], line["host"]) == ("https", nginx.https.removeprefix("https://"))
    assert (line["status"], line["user_agent"]) == ("200", "curl/8")
    assert (line["remote_addr"], line["tls_protocol"]) == ("127.0.0.1", "TLSv1.3")
    assert (line["upstream_addr"], line["upstream_status"]) == (upstream.bind, "200")
    assert line["request_start"] == answer.json()["fields"]["X-Request-Start"]
    assert float(line["upstream_connect_time"]) <= float(line["upstream_header_time"])
    assert abs(float(line["msec"]) - time.time()) < START_LIMIT
    assert all(isinstance(value, str) for value in line.values())


def test_a_trace_that_begins_here_has_no_parent(
    nginx: Proxy, upstream: Upstream, collector: Collector
):
    answer = requests.get(nginx.http, timeout=10)
    line = collector.line(request_id=answer.headers["X-Request-ID"])

    assert line["trace_id"] == line["request_id"]
    assert (line["parent_id"], line["flags"]) == ("", "03")


def test_what_nobody_asks_a_server_for_is_told_too(
    nginx: Proxy, upstream: Upstream, collector: Collector
):
    answer = requests.get(nginx.http + "/static/missing", timeout=10)

    line = collector.line(request_id=answer.headers["X-Request-ID"])
    assert (line["uri"], line["status"], line["upstream_addr"]) == ("/static/missing", "404", "")


def test_whoever_asks_whether_nginx_runs_is_not_told_of(
    nginx: Proxy, upstream: Upstream, collector: Collector
):
    with requests.Session() as session:  # one connection, so one worker process and one order
        health = session.get(nginx.http + "/nginx-health", timeout=10)
        after = session.get(nginx.http, timeout=10)
    assert health.text == "ok\n"

    lines = [collector.line()]
    while lines[-1]["request_id"] != after.headers["X-Request-ID"]:
        lines.append(collector.line())
    assert "/nginx-health" not in {line["uri"] for line in lines}


@pytest.mark.parametrize(
    "request_line",
    [
        b'GET /"quotes"\\and\\u0022?a="b" HTTP/1.1',
        b"GET /\xff\xfe\xc3( HTTP/1.1",
        b"GET /%00%0a%22 HTTP/1.1",
        b"GET /\xe2\x82\xac HTTP/1.1",
        b"GET /" + b'\xff"' * 2000 + b" HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET /\x01\x7f HTTP/1.1",
        b"GET / HTTP/9.9",
        b"nonsense",
        b"GET /",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1",
    ],
)
def test_a_line_is_json_whatever_a_client_sends(
    nginx: Proxy, upstream: Upstream, collector: Collector, request_line: bytes
):
    agent = b'a "quote", a \\ and a \ttab, \x01\x1b\x7f \xff\xfe \xe2\x82\xac'
    with nginx.connect() as client:
        fields = b"Host: a\r\nConnection: close\r\nUser-Agent: " + agent
        client.sendall(request_line + b"\r\n" + fields + b"\r\n\r\n")
        read_all(client)
        line = collector.line(remote_port=str(client.getsockname()[1]))

    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    assert re.fullmatch(r"\d{3}", line["status"])
    if line["user_agent"]:
        assert line["user_agent"].encode(errors="surrogateescape") == agent


def test_unsampled_requests_are_told_of_and_say_so(by_mode: dict[str, Proxy], upstream: Upstream):
    nginx = by_mode["sampled"]
    with Collector(nginx.collector) as collector:
        requests.get(nginx.http, headers=traceparent("00"), timeout=10)
        assert collector.line(trace_id=TRACE)["flags"] == "00"


def test_off_tells_nobody(by_mode: dict[str, Proxy], upstream: Upstream):
    nginx = by_mode["off"]
    with Collector(nginx.collector) as collector:
        answer = requests.get(nginx.http, timeout=10)
        nginx.access_log(answer.headers["X-Request-ID"])  # written after the other would have been
        with pytest.raises(queue.Empty):
            collector.line(seconds=0)


def test_without_a_collector_nginx_goes_on_in_silence_and_finds_the_next(
    tmp_path: Path, upstream: Upstream
):
    with running(tmp_path, upstream.bind, LAB_TRACE="all") as nginx:

        def ask(times: int) -> None:
            for _ in range(times):
                assert requests.get(nginx.http, timeout=10).status_code == 200

        ask(10)
        assert complaints(nginx) == []

        with Collector(nginx.collector) as first:
            ask(1)
            assert first.line()["status"] == "200"
        ask(10)
        assert complaints(nginx) == []

        with Collector(nginx.collector) as second:
            # Each worker process loses the line by which it finds out that the first one is gone.
            ask(2 * (os.cpu_count() or 1) + 1)
            assert second.line()["status"] == "200"


def complaints(nginx: Proxy) -> list[str]:
    """What its error log says."""
    return [line for line in nginx.log.read_text().splitlines() if not line.startswith("{")]


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/a?b", ["GET /a", "try {bind}", "connect", "wait", "receive"]),
        ("/static/missing", ["GET /static/missing"]),
    ],
)
def test_the_console_makes_spans_of_a_line(
    nginx: Proxy, upstream: Upstream, collector: Collector, path: str, steps: list[str]
):
    answer = requests.get(nginx.http + path, headers=traceparent("01"), timeout=10)
    line = collector.line(request_id=answer.headers["X-Request-ID"])
    whole, *rest = spans = spans_of(f"<190>Nov 25 23:20:19 nginx: {json.dumps(line)}".encode())

    assert [span.name for span in spans] == [step.format(bind=upstream.bind) for step in steps]
    assert (whole.trace_id, whole.span_id, whole.parent_id) == (TRACE, line["span_id"], PARENT)
    assert whole.attributes["http.response.status_code"] == answer.status_code
    assert all(whole.start <= span.start <= span.end for span in rest)
