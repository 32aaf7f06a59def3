"""What the server is sent, and what it is not."""

import os
from collections.abc import Callable

import pytest
import requests

from .conftest import Proxy, Upstream

Get = Callable[..., requests.Response]

CLAIMS = (
    "Forwarded",
    "Path-Info",
    "Proxy",
    "Remote-User",
    "Script-Name",
    "X-Client-IP",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Protocol",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "X_Forwarded_For",
    "SCRIPT_NAME",
)


def test_the_server_is_told_of_the_client(get: Get, nginx: Proxy):
    fields = get("/some//path?a=%20b").json()["fields"]

    host = nginx.http.removeprefix("http://")
    assert fields["Host"] == fields["X-Forwarded-Host"] == host  # with the port
    assert fields["X-Forwarded-Proto"] == "http"
    assert fields["X-Forwarded-For"] == fields["X-Real-IP"] == "127.0.0.1"


def test_the_target_passes_unchanged(get: Get):
    assert get("/some//path/%2F?a=%20b").json()["line"] == "GET /some//path/%2F?a=%20b HTTP/1.1"


def test_over_tls_it_says_https(nginx: Proxy, upstream: Upstream):
    answer = requests.get(nginx.https, verify=str(nginx.certificate), timeout=10)

    assert answer.json()["fields"]["X-Forwarded-Proto"] == "https"


def test_a_client_cannot_set_what_the_proxy_sets(get: Get):
    lies = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Real-IP": "6.6.6.6",
        "X-Request-ID": "mine",
    }
    fields = get(headers=lies).json()["fields"]

    assert {name for name, lie in lies.items() if lie in fields[name]} == set()


@pytest.mark.parametrize("claim", CLAIMS)
def test_other_claims_do_not_pass(get: Get, claim: str):
    assert claim not in get(headers={claim: "a lie"}).json()["fields"]


def test_connections_to_the_server_are_kept(get: Get, upstream: Upstream):
    for _ in range(10 * (os.cpu_count() or 1)):
        assert "Connection" not in get().json()["fields"]

    # One for each worker process of nginx that was asked.
    assert len({told["connection"] for told in upstream.requests}) <= (os.cpu_count() or 1)


def test_a_chunked_body_arrives_whole_with_its_length(nginx: Proxy, upstream: Upstream):
    told = requests.post(nginx.http, data=iter([b"one ", b"two"]), timeout=10).json()

    assert told["body"] == "one two"
    assert told["fields"]["Content-Length"] == "7"
    assert "Transfer-Encoding" not in told["fields"]


def test_a_request_without_host_gets_one(nginx: Proxy, upstream: Upstream):
    session = requests.Session()
    request = requests.Request("GET", nginx.http, headers={"Host": ""}).prepare()

    assert session.send(request, timeout=10).status_code == 400  # HTTP/1.1 must have it
    assert upstream.requests == []
    assert nginx.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert upstream.requests[0]["fields"]["Host"] == "localhost"
