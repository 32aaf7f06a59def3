"""The fast way to a masked environ says what the plain way does."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.tracing import environs
from lab.tracing.environs import environ_json
from lab.tracing.mask import mask_variable

NAMES = st.sampled_from(
    ["HTTP_COOKIE", "QUERY_STRING", "HTTP_HOST", "PATH_INFO", "HTTP_AUTHORIZATION", "RAW_URI"]
)
VALUES = st.text(max_size=12) | st.sampled_from(
    [
        "a=hunter2",
        "/?token=hunter2",
        "/?a=b&%74oken=hunter2",
        "/?next=%2F%3Ftoken%3Dhunter2",
        "Bearer hunter2",
        "http://u:hunter2@h/",
        "/#token=hunter2",
        "password=hunter2",
    ]
)


@given(st.dictionaries(NAMES, VALUES))
def test_an_environ_is_masked_as_the_mask_does_it(environ: dict[str, str]):
    plainly = {name: mask_variable(name, value) for name, value in environ.items()}
    for _ in range(2):  # the second time its names are known
        assert json.loads(environ_json(environ)) == plainly


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, True),
        (1, 1),
        ((1, 0), [1, 0]),
        (None, None),
        (io.BytesIO(), "<_io.BytesIO>"),
        (io.BytesIO, "<builtins.type>"),
        ({"password": "hunter2"}, "<builtins.dict>"),
        (["hunter2"] * 1000, "<builtins.list>"),
        (b"hunter2", "<builtins.bytes>"),
    ],
)
def test_what_is_no_text_is_shown_short(value: Any, shown: object):
    for _ in range(2):
        assert json.loads(environ_json({"wsgi.x": value})) == {"wsgi.x": shown}


def test_a_value_of_a_secret_name_is_hidden_whatever_else_there_is():
    assert "hunter2" not in environ_json({"HTTP_X_API_KEY": "hunter2", "wsgi.version": (1, 0)})


def test_what_is_kept_is_bounded():
    for number in range(2 * environs.KINDS):
        environ_json({f"HTTP_{number}": ""})
    assert len(environs._kinds) <= environs.KINDS
