"""What the client gets: from the server, from the static files, and from nginx itself."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from .conftest import Proxy, Upstream, running

Get = Callable[..., requests.Response]

MEGABYTE = 1024 * 1024


def test_a_request_has_one_id_in_answer_server_and_log(get: Get, nginx: Proxy, upstream: Upstream):
    upstream.fields["X-Request-ID"] = "another"
    answer = get("/with?a=query")

    request_id = answer.headers["X-Request-ID"]
    assert answer.json()["fields"]["X-Request-ID"] == request_id
    line = nginx.access_log(request_id)
    assert line["uri"] == "/with?a=query"
    assert line["status"] == 200
    assert line["upstream"] == upstream.bind
    assert float(line["upstream_response_time"]) >= 0


def test_the_log_stays_json_whatever_a_client_sends(get: Get, nginx: Proxy):
    agent = 'a "quote", a \\ and a \ttab'
    answer = get(headers={"User-Agent": agent})

    assert nginx.access_log(answer.headers["X-Request-ID"])["user_agent"] == agent


@pytest.mark.parametrize("by_application", [True, False])
def test_nosniff_is_there_once(get: Get, upstream: Upstream, by_application: bool):
    if by_application:
        upstream.fields["X-Content-Type-Options"] = "nosniff"

    assert get().headers["X-Content-Type-Options"] == "nosniff"


def test_nginx_does_not_tell_its_version(get: Get):
    assert get("/static/missing").headers["Server"] == "nginx"


@pytest.mark.parametrize(
    ("name", "lifetime"),
    [
        ("style.0123456789ab.css", "public, max-age=31536000, immutable"),
        ("LICENSE.0123456789ab", "public, max-age=31536000, immutable"),
        ("style.css", "no-cache"),
        ("style.0123456789ab.d/style.css", "no-cache"),
    ],
)
def test_only_a_hash_in_the_name_makes_a_file_immutable(
    get: Get, nginx: Proxy, name: str, lifetime: str
):
    file = nginx.static / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("a {}")
    answer = get(f"/static/{name}")

    assert answer.text == "a {}"
    assert answer.headers["Cache-Control"] == lifetime
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_static_file_that_is_missing_may_appear(get: Get, upstream: Upstream):
    answer = get("/static/style.ba9876543210.css")

    assert answer.status_code == 404
    assert "Cache-Control" not in answer.headers
    assert upstream.requests == []


def test_text_is_compressed_static_or_not(get: Get, nginx: Proxy, upstream: Upstream):
    (nginx.static / "long.css").write_text("a {}\n" * 1000)
    upstream.body = b'"' + b"a" * 5000 + b'"'

    for path, length in (("/static/long.css", 5000), ("/", 5002)):
        answer = get(path)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert len(answer.content) == length
        assert "Content-Encoding" not in get(path, headers={"Accept-Encoding": ""}).headers


def test_a_body_past_10_mb_is_refused_before_the_server(nginx: Proxy, upstream: Upstream):
    url = nginx.http + "/upload"
    just_right = requests.post(url, data=b"a" * 10 * MEGABYTE, timeout=30)
    too_large = requests.post(url, data=b"a" * (10 * MEGABYTE + 1), timeout=30)

    assert just_right.status_code == 200
    assert too_large.status_code == 413
    assert "10 MB" in too_large.text
    assert len(upstream.requests) == 1


def test_a_long_head_of_an_answer_passes(get: Get, upstream: Upstream):
    upstream.fields["Content-Security-Policy"] = "x" * 12_000

    assert get().status_code == 200


def test_a_piece_of_a_stream_is_not_held_back_where_the_application_says_so(tmp_path: Path):
    # Without a length or chunks, as servers of HTTP/1.0 send it; nginx would fill a buffer first.
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Accel-Buffering: no\r\n\r\n"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running(tmp_path, f"127.0.0.1:{server.getsockname()[1]}") as nginx,
        socket.create_connection(("localhost", int(nginx.http.rpartition(":")[2])), 10) as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        upstream, _ = server.accept()
        with upstream:
            upstream.recv(4096)
            upstream.sendall(head + b"first ")
            arrived = b""
            while not arrived.endswith(b"first "):
                piece = client.recv(4096)  # past the time limit: it was held back
                assert piece
                arrived += piece
            upstream.sendall(b"last")
        assert client.makefile("rb").read() == b"last"


@pytest.mark.parametrize("status", [413, 502, 503, 504])
def test_an_error_of_the_application_passes_as_it_is(get: Get, upstream: Upstream, status: int):
    upstream.status, upstream.body = status, b"the application's own words"
    answer = get()

    assert (answer.status_code, answer.content) == (status, upstream.body)


def test_http_2_over_tls(nginx: Proxy):
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = int(nginx.https.rpartition(":")[2])
    with (
        socket.create_connection(("localhost", port), 10) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
        assert tls.version() == "TLSv1.3"


def test_http_on_the_port_for_https_is_sent_to_https(nginx: Proxy):
    wrong = nginx.https.replace("https://", "http://") + "/page?a=1"
    answer = requests.get(wrong, allow_redirects=False, timeout=10)

    assert answer.status_code == 301
    assert answer.headers["Location"] == nginx.https + "/page?a=1"


def test_nginx_tells_its_own_health(get: Get, upstream: Upstream):
    assert get("/nginx-health").text == "ok\n"
    assert upstream.requests == []


def test_error_pages_are_for_errors_alone(get: Get):
    assert get("/.errors/502.html").status_code == 404


@pytest.mark.parametrize("transport", ["tcp", "unix"])
def test_a_dead_server_is_explained_at_once(tmp_path: Path, transport: str):
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        bind = f"127.0.0.1:{port}" if transport == "tcp" else f"unix:{tmp_path}/none.sock"
        with running(tmp_path / "stack", bind) as nginx:
            answers = [requests.get(nginx.http, timeout=10) for _ in range(3)]
            line = nginx.access_log(answers[0].headers["X-Request-ID"])
            log = nginx.log.read_text()

    for answer in answers:
        assert answer.status_code == 502
        assert "502: the proxy got no answer from the server" in answer.text
        assert "light-dark(" in answer.text  # the style is in the page
        assert answer.headers["X-Request-ID"] in answer.text
    assert "no live upstreams" not in log  # the server is asked each time
    assert line["upstream_status"] == "502, 502, 502"  # and twice more, for a worker that died
