"""What the application is given at the end of the way through nginx and the server."""

import ipaddress
import re

import pytest

from tests.e2e.stacks import SOFTWARE, Site, on_all
from tests.e2e.visitor import Visitor

pytestmark = on_all


def test_the_server_is_the_one_asked_for(stack: Site, visitor: Visitor):
    environ = visitor.get("/inspect/").json()["environ"]

    assert re.match(SOFTWARE[stack.server], environ["SERVER_SOFTWARE"])


def test_the_proxy_says_who_asks_and_how(stack: Site, visitor: Visitor):
    answer = visitor.get("/inspect/", headers={"Accept": "application/json"})
    headers = {name.lower(): value for name, value in answer.json()["headers"].items()}

    host = stack.http.removeprefix("http://")
    assert headers["host"] == headers["x-forwarded-host"] == host  # with the port
    assert headers["x-forwarded-proto"] == "http"
    assert ipaddress.ip_address(headers["x-forwarded-for"]).is_private
    assert headers["x-real-ip"] == headers["x-forwarded-for"]
    assert headers["x-request-id"] == answer.headers["X-Request-ID"]
    assert headers["accept"] == "application/json"


def test_the_scheme_is_the_clients(stack: Site, visitor: Visitor):
    over_tls = Visitor(stack.https, stack.certificate)
    for someone, scheme in ((visitor, "http"), (over_tls, "https")):
        seen = someone.get("/inspect/").json()
        assert seen["environ"]["wsgi.url_scheme"] == scheme
        assert seen["environ"]["HTTP_X_FORWARDED_PROTO"] == scheme
        assert seen["environ"]["HTTP_HOST"] == someone.origin.removeprefix(f"{scheme}://")


LIES = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Real-IP": "6.6.6.6",
    "X-Request-ID": "6.6.6.6",
    "X_Forwarded_For": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https",
    "X-Forwarded-Prefix": "/evil.example",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Protocol": "ssl",
    "Script-Name": "/evil.example",
    "Remote-User": "evil.example",
    "Proxy": "http://evil.example/",
}


def test_a_client_cannot_say_it_for_the_proxy(visitor: Visitor):
    honest = visitor.get("/inspect/").json()
    lied = visitor.get("/inspect/", headers=LIES).json()

    assert lied["headers"].keys() == honest["headers"].keys()
    assert lied["environ"].keys() == honest["environ"].keys()
    assert lied["environ"]["wsgi.url_scheme"] == "http"
    assert lied["environ"]["SCRIPT_NAME"] == ""
    assert not re.search(r"6\.6\.6\.6|evil\.example", str(lied))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_method_path_query_and_body_arrive(visitor: Visitor, method: str):
    body = b"" if method == "GET" else b"the body"
    seen = visitor.ask(method, "/inspect/?a=1&b=%C3%BC&a=2", data=body).json()

    assert seen["method"] == method
    assert seen["path"] == "/inspect/"
    assert seen["query"] == {"a": ["1", "2"], "b": ["ü"]}
    assert seen["body"]["length"] == len(body)


def test_cookies_and_credentials_arrive_and_are_not_shown(visitor: Visitor):
    headers = {"Cookie": "a=secret-1", "Authorization": "Bearer secret-2"}
    seen = visitor.get("/inspect/", headers=headers)

    assert seen.json()["headers"]["Cookie"] == "(hidden: 10 characters)"
    assert "secret" not in seen.text
