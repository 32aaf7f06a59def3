"""W3C Trace Context, read alike by nginx and by the lab.

The cases are those of the standard's own tests, https://github.com/w3c/trace-context/tree/main/test,
and others that it leaves out.
"""

import json
from typing import Any

import pytest

from lab.tracing.context import TraceContext

from .conftest import Proxy, Upstream

TRACE, PARENT = "12345678901234567890123456789012", "1234567890123456"
OTHER = "12345678901234567890123456789011"
GOOD = f"00-{TRACE}-{PARENT}-01"

CONTINUED = {
    "version 00": GOOD,
    "letters": f"00-{'abcdef' * 5}ab-{'fedcba' * 2}fedc-01",
    "flags nobody knows": f"00-{TRACE}-{PARENT}-ff",
    "a later version": f"cc-{TRACE}-{PARENT}-01",
    "a later version with more": f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
    "a later version with nothing more": f"cc-{TRACE}-{PARENT}-01-",
    "the version before ff": f"fe-{TRACE}-{PARENT}-01",
    "a space before": f" {GOOD}",
    "a tab before": f"\t{GOOD}",
    "a space behind": f"{GOOD} ",
    "a tab behind": f"{GOOD}\t",
    "white space around": f"\t {GOOD} \t",
}

RESTARTED = {
    "empty": "",
    "version 00 with a dot behind": f"{GOOD}.",
    "version 00 with more": f"{GOOD}-what-the-future-will-be-like",
    "version 00 with a dash behind": f"{GOOD}-",
    "a later version with more, behind a dot": f"cc-{TRACE}-{PARENT}-01.what-will-be",
    "a later version cut short": f"cc-{TRACE}-{PARENT}",
    "version ff": f"ff-{TRACE}-{PARENT}-01",
    "version .0": f".0-{TRACE}-{PARENT}-01",
    "version 0.": f"0.-{TRACE}-{PARENT}-01",
    "version in capitals": f"CC-{TRACE}-{PARENT}-01",
    "version too long": f"000-{TRACE}-{PARENT}-01",
    "version twice as long": f"0000-{TRACE}-{PARENT}-01",
    "version too short": f"0-{TRACE}-{PARENT}-01",
    "trace id all zero": f"00-{'0' * 32}-{PARENT}-01",
    "trace id of a later version all zero": f"cc-{'0' * 32}-{PARENT}-01",
    "trace id with a dot first": f"00-.{TRACE[1:]}-{PARENT}-01",
    "trace id with a dot last": f"00-{TRACE[:-1]}.-{PARENT}-01",
    "trace id in capitals": f"00-{'ABCDEF' * 5}AB-{PARENT}-01",
    "trace id too long": f"00-{TRACE}3-{PARENT}-01",
    "trace id too short": f"00-{TRACE[:-1]}-{PARENT}-01",
    "parent id all zero": f"00-{TRACE}-{'0' * 16}-01",
    "parent id with a dot first": f"00-{TRACE}-.{PARENT[1:]}-01",
    "parent id with a dot last": f"00-{TRACE}-{PARENT[:-1]}.-01",
    "parent id too long": f"00-{TRACE}-{PARENT}7-01",
    "parent id too short": f"00-{TRACE}-{PARENT[:-1]}-01",
    "flags .0": f"00-{TRACE}-{PARENT}-.0",
    "flags 0.": f"00-{TRACE}-{PARENT}-0.",
    "flags in capitals": f"00-{TRACE}-{PARENT}-0A",
    "flags too long": f"00-{TRACE}-{PARENT}-001",
    "flags too short": f"00-{TRACE}-{PARENT}-1",
    "other dashes": GOOD.replace("-", "_"),
    "a quote before": f'"{GOOD}',
}

TWICE = {
    "two traces": [f"00-{OTHER}-{PARENT}-01", GOOD],
    "the same twice": [GOOD, GOOD],
    "two of a later version": [f"cc-{OTHER}-{PARENT}-01-a", f"cc-{TRACE}-{PARENT}-01-b"],
}

ALL = [
    *(pytest.param([value], True, id=name) for name, value in CONTINUED.items()),
    *(pytest.param([value], False, id=name) for name, value in RESTARTED.items()),
    *(pytest.param(values, False, id=name) for name, values in TWICE.items()),
]

CHARACTERS = "".join(map(chr, [*range(0x20, 0x2C), *range(0x2D, 0x3D), *range(0x3E, 0x7F)])).strip()
"""All that a value of tracestate may have: visible ASCII and spaces but for `,` and `=`."""

STATES = {
    "one": "foo=1",
    "empty": "",
    "white space": "foo=1 \t , \t bar=2, \t baz=3",
    "every character of a key": "abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/=1",
    "every character of a value": f"foo={CHARACTERS}",
    "32 members": ",".join(f"bar{number:02}={number:02}" for number in range(32)),
    "a key of 256": "z" * 256 + "=1",
}
"""Valid, and passed on as they came; nginx puts in nothing of its own."""


def told(nginx: Proxy, *fields: tuple[str, str]) -> dict[str, Any]:
    """The fields that reach the server, by their names in small letters."""
    lines = "".join(f"{name}:{value}\r\n" for name, value in fields)
    answer = nginx.raw(f"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return {name.lower(): value for name, value in json.loads(body)["fields"].items()}


@pytest.mark.parametrize(("values", "continued"), ALL)
def test_the_lab_reads_it(values: list[str], continued: bool):
    # As a WSGI server hands it on: without the white space around, two fields joined.
    found = TraceContext.parse(",".join(value.strip(" \t") for value in values))

    assert (found is not None) == continued
    if found:
        given = values[0].strip(" \t")
        assert (found.trace_id, found.span_id) == (given[3:35], given[36:52])
        assert found.flags == int(given[53:55], 16)


@pytest.mark.parametrize(("values", "continued"), ALL)
def test_nginx_reads_it(nginx: Proxy, upstream: Upstream, values: list[str], continued: bool):
    fields = told(nginx, *(("traceparent", value) for value in values), ("tracestate", "foo=1"))

    sent = TraceContext.parse(fields["traceparent"])
    assert sent
    given = values[0].strip(" \t")
    if continued:
        assert sent.trace_id == given[3:35]
        assert fields["tracestate"] == "foo=1"
    else:
        assert sent.trace_id == fields["x-request-id"]
        assert sent.trace_id not in {TRACE, OTHER}
        assert "tracestate" not in fields
    # A span of its own, so that the server's is not the client's child.
    assert sent.span_id == fields["x-request-id"][:16]
    assert fields["traceparent"].startswith("00-")


@pytest.mark.parametrize("name", ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"])
def test_its_name_may_have_any_case(nginx: Proxy, upstream: Upstream, name: str):
    assert told(nginx, (name, GOOD))["traceparent"].startswith(f"00-{TRACE}-")


@pytest.mark.parametrize("name", ["trace-parent", "trace.parent", "trace_parent"])
def test_another_name_is_another_field(nginx: Proxy, upstream: Upstream, name: str):
    assert TRACE not in told(nginx, (name, GOOD))["traceparent"]


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_tracestate_passes_with_its_trace(nginx: Proxy, upstream: Upstream, state: str):
    assert told(nginx, ("traceparent", GOOD), ("TraceState", state)).get("tracestate", "") == state


def test_tracestate_on_several_lines_keeps_its_order(nginx: Proxy, upstream: Upstream):
    states = ["foo=1,bar=2", "rojo=1,congo=2", "", "baz=3"]
    fields = told(nginx, ("traceparent", GOOD), *(("tracestate", state) for state in states))

    members = [member.strip() for member in fields["tracestate"].split(",")]
    assert [*filter(None, members)] == ["foo=1", "bar=2", "rojo=1", "congo=2", "baz=3"]


@pytest.mark.parametrize("state", ["foo=1,foo=2", "FOO=1", "foo@=1", "foo=bar=baz", "a=1," * 33])
def test_what_is_no_tracestate_is_left_for_others_to_judge(
    nginx: Proxy, upstream: Upstream, state: str
):
    """Section 3.3: who changes nothing in it need not validate it.  The trace goes on."""
    fields = told(nginx, ("traceparent", GOOD), ("tracestate", state))

    assert fields["tracestate"] == state
    assert fields["traceparent"].startswith(f"00-{TRACE}-")


def test_tracestate_without_a_trace_is_dropped(nginx: Proxy, upstream: Upstream):
    assert "tracestate" not in told(nginx, ("tracestate", "foo=1,bar=2"))


def test_each_request_is_a_span_of_its_own(nginx: Proxy, upstream: Upstream):
    sent = [TraceContext.parse(told(nginx, ("traceparent", GOOD))["traceparent"]) for _ in range(3)]

    assert {each.trace_id for each in sent if each} == {TRACE}
    assert len({each.span_id for each in sent if each}) == 3
