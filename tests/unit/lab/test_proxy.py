"""nginx's configuration: the template with its variables replaced, and nothing else touched."""

import pytest

from lab.errors import LabError
from lab.stack.proxy import render


def test_variables_are_replaced_and_nginx_keeps_its_own():
    template = 'listen ${LISTEN_HTTP}; proxy_set_header Host $host; map ${remote} "^a${2}$";'
    assert render(template, {"LISTEN_HTTP": "127.0.0.1:8080"}) == (
        'listen 127.0.0.1:8080; proxy_set_header Host $host; map ${remote} "^a${2}$";'
    )


def test_a_value_is_put_in_as_it_is():
    assert render("root ${STATIC_ROOT};", {"STATIC_ROOT": r"/a\1/${X}"}) == r"root /a\1/${X};"


def test_a_variable_without_a_value_is_an_error_that_names_it():
    with pytest.raises(LabError, match="needs a value for CACHE, ZONE"):
        render("${ZONE} ${CACHE} ${ZONE} ${KNOWN}", {"KNOWN": "1"})
