"""What goes wrong, and who says so: the application, or nginx."""

import re
import socket

import pytest

from tests.e2e.stacks import Site, on_all, on_guestbooks
from tests.e2e.visitor import Visitor
from tests.services.stack import eventually


@on_all
@pytest.mark.parametrize("query", ["ms=10001", "ms=-1", "ms=ten", "ms="])
def test_a_parameter_past_its_bounds_is_400(visitor: Visitor, query: str):
    refused = visitor.get(f"/workload/io/?{query}")

    assert refused.status_code == 400
    assert refused.text.startswith("ms must be a whole number from 0 to 10000, not ")


@on_guestbooks
def test_a_name_that_is_not_ours_is_400(visitor: Visitor):
    refused = visitor.get("/", headers={"Host": "elsewhere.example"})

    assert refused.status_code == 400
    assert "The server could not make sense of this request." in refused.text


@on_all
@pytest.mark.parametrize(
    "request_line", ["GET / HTTP/9.9", "G\x01T / HTTP/1.1", "GET  HTTP/1.1", "GET /%zz HTTP/1.1"]
)
def test_what_is_no_request_is_400(stack: Site, request_line: str):
    port = int(stack.http.rpartition(":")[2])
    with socket.create_connection(("localhost", port), 10) as sock:
        sock.sendall(f"{request_line}\r\nHost: localhost\r\n\r\n".encode("latin-1"))
        answer = sock.makefile("rb").read()

    assert re.match(rb"HTTP/1.1 (400|505) ", answer)


@on_guestbooks
@pytest.mark.parametrize("path", ["/nowhere/", "/entries/999999999/", "/api/entries/999999999/"])
def test_what_is_not_there_is_404(visitor: Visitor, path: str):
    page = visitor.get(path, headers={"Accept": "text/html"})
    data = visitor.get(path, headers={"Accept": "application/json"})

    assert page.status_code == data.status_code == 404
    assert "<h1>Not Found</h1>" in page.text
    assert data.json() == {"error": {"status": 404, "detail": "There is nothing at this address."}}


@on_guestbooks
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/entries/", "GET, HEAD, POST"),
        ("DELETE", "/", "GET, HEAD, OPTIONS"),
        ("POST", "/workload/json/", "GET, HEAD"),
        ("DELETE", "/workload/stream/", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405(visitor: Visitor, method: str, path: str, allowed: str):
    refused = visitor.ask(method, path)

    assert refused.status_code == 405
    assert refused.headers["Allow"] == allowed


@on_guestbooks
def test_a_failure_is_a_page_and_a_traceback_in_the_log(stack: Site, visitor: Visitor):
    def failures() -> int:
        return stack.server_log().count("RuntimeError: /workload/error/ fails")

    before = failures()
    page = visitor.get("/workload/error/", headers={"Accept": "text/html"})
    data = visitor.get("/workload/error/", headers={"Accept": "application/json"})

    assert page.status_code == data.status_code == 500
    assert "Something broke here." in page.text
    assert "RuntimeError" not in page.text
    assert data.json()["error"]["status"] == 500
    eventually(lambda: failures() == before + 2, 10)
    assert visitor.get("/").status_code == 200


@on_all
@pytest.mark.parametrize(
    "path", ["/workload/bytes/?n=70000", "/workload/io/?ms=no", "/workload/error/"]
)
def test_head_is_get_without_a_body(visitor: Visitor, path: str):
    plain = {"Accept-Encoding": "identity"}
    got = visitor.get(path, headers=plain)
    head = visitor.ask("HEAD", path, headers=plain)

    assert head.content == b""
    assert head.status_code == got.status_code
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert visitor.get(path, headers=plain).content == got.content  # on the same connection
