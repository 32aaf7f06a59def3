"""A request's head: what is understood, and what is refused with which status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paceline.errors import RequestError
from paceline.http.request import CACHE_SIZE, RequestHead, parse_head, parse_request_line
from paceline.limits import Limits

TCHARS = "!#$%&'*+-.^_`|~" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def parse(*lines: str, limits: Limits | None = None) -> RequestHead:
    return parse_head("\r\n".join(lines).encode("latin-1"), limits or Limits())


def status_of(*lines: str, limits: Limits | None = None) -> int:
    """The status that the head is refused with."""
    with pytest.raises(RequestError) as caught:
        parse(*lines, limits=limits)
    return int(caught.value.status[:3])


def test_a_common_request() -> None:
    head = parse("GET /a/b?c=d&e HTTP/1.1", "Host: example.org:8000", "Accept:text/html ")
    assert (head.method, head.target, head.version) == ("GET", "/a/b?c=d&e", "HTTP/1.1")
    assert (head.path, head.query) == ("/a/b", "c=d&e")
    assert head.fields == {"host": "example.org:8000", "accept": "text/html"}
    assert head.underscored is None


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        ("GET / HTTP/1.1", "/", ""),
        ("GET /? HTTP/1.1", "/", ""),
        ("GET /a?b?c=/d HTTP/1.1", "/a", "b?c=/d"),
        ("GET //a//../b HTTP/1.1", "//a//../b", ""),
        ("GET /%2e%00%zz?%41 HTTP/1.1", "/%2e%00%zz", "%41"),
        ("OPTIONS * HTTP/1.1", "", ""),
        ("GET http://other/x?y HTTP/1.1", "/x", "y"),
        ("GET https://other HTTP/1.1", "/", ""),
        ("GET HTTP://other?q HTTP/1.1", "/", "q"),
    ],
)
def test_the_forms_of_a_target(line: str, path: str, query: str) -> None:
    head = parse(line, "Host: a")
    assert (head.path, head.query) == (path, query)


def test_the_authority_of_a_target_replaces_host() -> None:
    assert parse("GET http://other:81/ HTTP/1.1", "Host: a").fields["host"] == "other:81"
    assert parse("GET http://[::1]/ HTTP/1.0").fields["host"] == "[::1]"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("", 400),
        ("GET", 400),
        ("GET /", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        (" GET / HTTP/1.1", 400),
        ("GET\t/\tHTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET /a\tb HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET /\xe4 HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET ?a HTTP/1.1", 400),
        ("GET ftp://a/ HTTP/1.1", 400),
        ("GET http:// HTTP/1.1", 400),
        ("GET http://:80/ HTTP/1.1", 400),
        ("GET http://user@a/ HTTP/1.1", 400),
        ("G(T / HTTP/1.1", 400),
        ("G\xc4T / HTTP/1.1", 400),
        ("CONNECT a:80 HTTP/1.1", 501),
        ("GET / http/1.1", 400),
        ("GET / HTTP/1", 400),
        ("GET / HTTP/11", 400),
        ("GET / HTTP/1.10", 400),
        ("GET / HTTP/1.\u00b2", 400),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/2.0", 505),
        ("PRI * HTTP/2.0", 505),
    ],
)
def test_request_lines_that_are_refused(line: str, status: int) -> None:
    assert status_of(line, "Host: a") == status


def test_any_token_is_a_method() -> None:
    assert parse(f"{TCHARS} / HTTP/1.1", "Host: a").method == TCHARS
    assert parse("get / HTTP/1.1", "Host: a").method == "get"


def test_a_higher_minor_version_is_served_as_1_1() -> None:
    assert parse_request_line("GET / HTTP/1.9") == ("GET", "/", "HTTP/1.1")
    assert parse_request_line("GET / HTTP/1.0") == ("GET", "/", "HTTP/1.0")


@pytest.mark.parametrize(
    "line",
    [
        "no colon",
        ": no name",
        "Name : value",
        "Name\t: value",
        " Name: value",
        "\tfolded",
        "Na(me: value",
        "Na me: value",
        "N\xe4me: value",
        "Name: \0",
        "Name: a\x01b",
        "Name: a\x7fb",
        "Name: a\rb",
        "Name: a\nb",
        "Name: a\n",
        "Name: a\r",
        "Na\nme: a",
    ],
)
def test_field_lines_that_are_refused(line: str) -> None:
    assert status_of("GET / HTTP/1.1", "Host: a", line) == 400
    assert status_of("GET / HTTP/1.1", line, "Host: a") == 400


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X:", ""),
        ("X: \t ", ""),
        ("X:a", "a"),
        ("X: \t a b\tc \t", "a b\tc"),
        ("X: a:b::", "a:b::"),
        ("X: \xff\x80", "\xff\x80"),
        # White space by Python's rules, but not by HTTP's: it is part of the value.
        ("X: \xa0a\x85", "\xa0a\x85"),
    ],
)
def test_values(line: str, value: str) -> None:
    assert parse("GET / HTTP/1.1", "Host: a", line).fields["x"] == value


def test_names_are_case_insensitive_and_any_token() -> None:
    name = TCHARS.replace("_", "")
    head = parse("GET / HTTP/1.1", "hOsT: a", f"{name}: b")
    assert head.fields == {"host": "a", name.lower(): "b"}


def test_names_with_an_underscore_stand_apart_even_where_they_frame() -> None:
    head = parse("GET / HTTP/1.1", "Host: a", "Content_Length: 5", "X_A: 1", "X_A: 2")
    assert head.fields == {"host": "a"}
    assert head.underscored == [("content_length", "5"), ("x_a", "1"), ("x_a", "2")]


def test_repeated_fields_are_one_list() -> None:
    head = parse("GET / HTTP/1.1", "Host: a", "X: 1", "Cookie: a=1", "x: 2", "X:", "cookie: b=2")
    assert head.fields["x"] == "1, 2, "
    assert head.fields["cookie"] == "a=1; b=2"


@pytest.mark.parametrize(
    "name", ["Host", "Content-Length", "Content-Type", "Authorization", "Expect"]
)
def test_fields_that_are_no_list_come_once(name: str) -> None:
    host = [] if name == "Host" else ["Host: a"]
    assert status_of("GET / HTTP/1.1", *host, f"{name}: 1", f"{name.lower()}: 1") == 400


@pytest.mark.parametrize(
    "host", ["", "a", "a.b-c_d~", "a:", "a:80", "127.0.0.1:1", "[::1]", "[::ffff:1.2.3.4]:8", "%41"]
)
def test_hosts(host: str) -> None:
    assert parse("GET / HTTP/1.1", f"Host: {host}").fields["host"] == host


@pytest.mark.parametrize(
    "host",
    ["a b", "a/b", "a?b", "a#b", "a@b", "a:b", "a:80:80", "::1", "[::1", "[g]", "%4", "\xe4"],
)
def test_hosts_that_are_refused(host: str) -> None:
    assert status_of("GET / HTTP/1.1", f"Host: {host}") == 400
    assert status_of("GET http://a/ HTTP/1.1", f"Host: {host}") == 400
    assert status_of("GET / HTTP/1.0", f"Host: {host}") == 400


def test_only_http_1_0_may_leave_host_out() -> None:
    assert "host" not in parse("GET / HTTP/1.0").fields
    assert status_of("GET / HTTP/1.1") == 400
    assert status_of("GET http://a/ HTTP/1.1") == 400


# --- limits, each reached and passed --------------------------------------------------------------


def test_the_longest_request_line() -> None:
    line = "GET /" + "a" * 20 + " HTTP/1.1"
    assert parse(line, "Host: a", limits=Limits(request_line=len(line))).target == "/" + "a" * 20
    assert status_of(line, "Host: a", limits=Limits(request_line=len(line) - 1)) == 414
    assert parse(line, "Host: a", limits=Limits(request_line=0))


def test_the_most_fields() -> None:
    lines = ["GET / HTTP/1.1", "Host: a", "X: 1", "X: 2"]
    assert parse(*lines, limits=Limits(request_fields=3))
    assert status_of(*lines, limits=Limits(request_fields=2)) == 431


def test_the_longest_field() -> None:
    field = "X: " + "a" * 20
    lines = ["GET / HTTP/1.1", field, "Host: a"]
    assert parse(*lines, limits=Limits(request_field_size=len(field)))
    assert status_of(*lines, limits=Limits(request_field_size=len(field) - 1)) == 431
    assert parse(*lines, limits=Limits(request_field_size=0))


# --- caches: what is remembered must not change what is understood --------------------------------


def test_more_lines_than_are_remembered() -> None:
    for turn in range(2):
        for number in range(CACHE_SIZE + 10):
            value = f"agent {number}"
            name = f"X-{number}"
            head = parse(
                "GET / HTTP/1.1", f"Host: h{number}", f"User-Agent: {value}", f"{name}: {turn}"
            )
            assert head.fields == {
                "host": f"h{number}",
                "user-agent": value,
                name.lower(): str(turn),
            }


def test_a_line_that_was_good_is_not_good_in_another_place() -> None:
    assert parse("GET / HTTP/1.1", "Host: remembered")
    assert status_of("GET / HTTP/1.1", "Host: remembered", "Host: remembered") == 400
    assert status_of("Host: remembered", "Host: remembered") == 400


# --- any head -------------------------------------------------------------------------------------

names = st.text(TCHARS.replace("_", ""), min_size=1, max_size=20).filter(
    lambda name: (
        name.lower()
        not in {"host", "content-length", "content-type", "authorization", "expect", "cookie"}
    )
)
octets = st.sampled_from(
    [chr(octet) for octet in range(0x21, 0x100) if octet != 0x7F] + [" ", "\t"]
)
values = st.lists(octets, max_size=30).map("".join)
paddings = st.text(" \t", max_size=3)
fields_of_a_head = st.lists(st.tuples(names, paddings, values, paddings), max_size=12)


@given(fields_of_a_head)
def test_every_good_field_arrives_as_it_was_sent(
    fields: list[tuple[str, str, str, str]],
) -> None:
    lines = [f"{name}:{before}{value}{behind}" for name, before, value, behind in fields]
    expected: dict[str, list[str]] = {"host": ["a"]}
    for name, _, value, _ in fields:
        expected.setdefault(name.lower(), []).append(value.strip(" \t"))
    head = parse("GET / HTTP/1.1", "Host: a", *lines)
    assert head.fields == {name: ", ".join(each) for name, each in expected.items()}


@given(st.binary(max_size=200))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    """Nothing else is raised, and nothing that was understood has a control character in it."""
    for raw in (data, b"GET / HTTP/1.1\r\nHost: a\r\n" + data):
        try:
            head = parse_head(raw, Limits())
        except RequestError:
            continue
        everything = [head.method, head.target, *head.fields, *head.fields.values()]
        assert all(octet >= " " or octet == "\t" for text in everything for octet in text)
