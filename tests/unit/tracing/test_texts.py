"""The fast way to masked JSON says what the plain way does."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.tracing import texts
from lab.tracing.mask import mask_environ, mask_head
from lab.tracing.texts import environ_json, head_json

NAMES = st.sampled_from(
    [b"Host", b"Cookie", b"X-Api-Key", b"Referer", b"Accept", b"authorization", b"Set-Cookie"]
)
VALUES = st.sampled_from(
    [
        b"a",
        b"a=hunter2; b=2",
        b"Bearer hunter2",
        b"http://u:hunter2@h/?token=hunter2",
        b'\xff\x01"\\',
    ]
) | st.binary(max_size=20).filter(lambda value: b"\n" not in value and b"\r" not in value)
LINES = st.lists(st.builds(lambda name, value: name + b": " + value, NAMES, VALUES), max_size=6)


@given(st.binary(max_size=30).filter(lambda first: not {10, 13} & {*first}), LINES)
def test_a_head_is_masked_as_the_mask_does_it(first: bytes, lines: list[bytes]):
    head = b"\r\n".join([b"GET /?token=hunter2 " + first, *lines])
    for _ in range(2):  # anew, then from what was kept
        assert json.loads(head_json(head)) == mask_head(head).decode("latin-1")


def test_a_field_of_several_lines_is_masked_whole():
    head = b"GET / HTTP/1.1\r\nCookie: a=1;\r\n b=hunter2\r\nHost: a"
    assert "hunter2" not in head_json(head)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "HTTP_COOKIE",
                "QUERY_STRING",
                "HTTP_HOST",
                "PATH_INFO",
                "HTTP_AUTHORIZATION",
                "RAW_URI",
            ]
        ),
        st.text(max_size=12) | st.sampled_from(["a=hunter2", "/?token=hunter2", "Bearer hunter2"]),
    )
)
def test_an_environ_is_masked_as_the_mask_does_it(environ: dict[str, str]):
    for _ in range(2):
        assert json.loads(environ_json(environ)) == mask_environ(environ)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "True"),
        (1, "1"),
        ((1, 0), "(1, 0)"),
        (None, "None"),
        (io.BytesIO(), "<_io.BytesIO>"),
        (io.BytesIO, "<builtins.type>"),
    ],
)
def test_what_is_no_text_is_shown_short(value: Any, shown: str):
    for _ in range(2):
        assert json.loads(environ_json({"wsgi.x": value})) == {"wsgi.x": shown}


def test_what_is_secret_is_not_kept():
    texts._lines.clear()
    texts._variables.clear()
    head_json(b"GET / HTTP/1.1\r\nCookie: session=hunter2\r\nHost: a")
    environ_json({"HTTP_COOKIE": "session=hunter2", "QUERY_STRING": "token=hunter2", "A": "b"})
    assert list(texts._lines) == [b"Host: a"]
    assert list(texts._variables) == [("A", "b")]


def test_what_is_kept_is_bounded():
    for number in range(2 * texts.CACHE_SIZE):
        environ_json({"A": str(number)})
        head_json(b"GET / HTTP/1.1\r\nA: %d" % number)
    assert len(texts._lines) <= texts.CACHE_SIZE
    assert len(texts._variables) <= texts.CACHE_SIZE
