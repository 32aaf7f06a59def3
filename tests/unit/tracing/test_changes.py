"""What a proxy changed of a head."""

from hypothesis import given
from hypothesis import strategies as st

from lab.tracing.changes import Change, Kind, changes
from lab.tracing.head import field, split_head

SAME, ADDED, CHANGED, DROPPED = Kind.SAME, Kind.ADDED, Kind.CHANGED, Kind.DROPPED


def test_a_request_through_a_proxy():
    sent = b"GET /a HTTP/1.1\r\nHost: x\r\nKeep-Alive: 5\r\naccept: */*\r\n\r\n"
    received = b"GET /a HTTP/1.0\r\nAccept: */*\r\nHost: y\r\nX-Forwarded-For: ::1\r\n\r\n"
    assert changes(sent, received) == [
        Change(CHANGED, "request line", "GET /a HTTP/1.1", "GET /a HTTP/1.0"),
        Change(CHANGED, "Host", "x", "y"),
        Change(DROPPED, "Keep-Alive", "5", ""),
        Change(SAME, "Accept", "*/*", "*/*"),
        Change(ADDED, "X-Forwarded-For", "", "::1"),
    ]


def test_an_answer():
    line, *fields = changes(b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n")
    assert line == Change(SAME, "status line", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK")
    assert fields == [Change(ADDED, "Server", "", "nginx")]


def test_repeated_fields():
    before = b"GET / HTTP/1.1\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n"
    after = b"GET / HTTP/1.1\r\nX: 2\r\nX: 4\r\n\r\n"
    assert changes(before, after)[1:] == [
        Change(CHANGED, "X", "1", "4"),
        Change(SAME, "X", "2", "2"),
        Change(DROPPED, "X", "3", ""),
    ]


def test_a_head_that_is_cut_off_or_odd():
    assert split_head(b"GET / HTTP/1.1\r\nA: b\r\n c\r\nno colon\r\nHos") == (
        "GET / HTTP/1.1",
        [("A", "b\r\n c"), ("no colon", ""), ("Hos", "")],
    )
    assert split_head(b"") == ("", [])
    assert changes(b"", b"") == [Change(SAME, "request line", "", "")]


def test_the_value_of_a_field():
    head = b"GET / HTTP/1.1\r\nVia: a\r\nvia: b\r\n\r\n"
    assert (field(head, "VIA"), field(head, "Host")) == ("a, b", "")


FIELDS = st.lists(st.tuples(st.sampled_from("aAbB"), st.sampled_from("123")), max_size=6)


@given(FIELDS, FIELDS)
def test_every_field_is_told_of_once(before: list[tuple[str, str]], after: list[tuple[str, str]]):
    told = changes(head(before), head(after))[1:]
    names = [change.name.lower() for change in told]
    old = [(n, c.before) for n, c in zip(names, told, strict=True) if c.kind != ADDED]
    new = [(n, c.after) for n, c in zip(names, told, strict=True) if c.kind != DROPPED]
    assert old == [(name.lower(), value) for name, value in before]
    assert sorted(new) == sorted((name.lower(), value) for name, value in after)
    for change in told:
        assert (change.kind == SAME) == (change.before == change.after)
    one_sided = {c.name.lower() for c in told if c.kind == ADDED}
    assert one_sided.isdisjoint(c.name.lower() for c in told if c.kind == DROPPED)


def head(fields: list[tuple[str, str]]) -> bytes:
    return b"".join(
        [b"GET / HTTP/1.1\r\n", *(f"{n}: {v}\r\n".encode() for n, v in fields), b"\r\n"]
    )
