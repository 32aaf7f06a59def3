"""The port for https: the certificate made at first start, and HTTP/2."""

import ssl

import pytest
import requests

from tests.e2e.http2 import Connection
from tests.e2e.stacks import Site, on_guestbooks
from tests.e2e.visitor import Visitor

pytestmark = on_guestbooks


def test_who_trusts_the_certificate_gets_the_page(stack: Site):
    page = Visitor(stack.https, stack.certificate).get("/")

    assert page.status_code == 200
    assert "over https" in page.text


def test_who_does_not_trust_it_gets_nothing(stack: Site):
    with pytest.raises(requests.exceptions.SSLError, match="self-signed certificate"):
        requests.get(stack.https, timeout=10)


def test_it_is_for_this_machines_names_alone(stack: Site):
    port = int(stack.https.rpartition(":")[2])
    for name in ("localhost", "127.0.0.1"):
        Connection("localhost", port, stack.certificate, name).close()
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'elsewhere"):
        Connection("localhost", port, stack.certificate, "elsewhere.example")


def test_over_http_2_a_slow_answer_is_overtaken(stack: Site):
    port = int(stack.https.rpartition(":")[2])
    with Connection("localhost", port, stack.certificate) as connection:
        slow = connection.get("/workload/io/?ms=400")
        quick = connection.get("/workload/json/")
        answers = list(connection.answers(2))

    assert [answer.stream for answer in answers] == [quick, slow]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == b'{"message": "Hello, world", "numbers": [1, 2, 3]}'
    assert b'"wall_ms": ' in answers[1].body


def test_http_on_that_port_is_sent_to_https(stack: Site):
    wrong = stack.https.replace("https://", "http://") + "/entries/new/?a=1"
    answer = requests.get(wrong, allow_redirects=False, timeout=10)

    assert answer.status_code == 301
    assert answer.headers["Location"] == stack.https + "/entries/new/?a=1"
