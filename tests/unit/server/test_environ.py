"""A request's head → what the application is given."""

import io
import sys
from typing import Any
from wsgiref.util import request_uri
from wsgiref.validate import check_environ  # type: ignore[attr-defined]

import pytest
from paceline.errors import BadRequest
from paceline.http.request import parse_head
from paceline.limits import Limits
from paceline.wsgi.environ import Environ, build, say_length, template
from paceline.wsgi.forwarding import Forwarding
from paceline.wsgi.keys import CACHE_SIZE

BODY = io.BytesIO()


def environ_of(
    *fields: str,
    line: str = "GET / HTTP/1.1",
    base: Environ | None = None,
    trusted: bool = False,
    forwarding: Forwarding | None = None,
    **options: Any,
) -> Environ:
    host = [] if line.endswith("1.0") else ["Host: a"]
    head = parse_head("\r\n".join([line, *host, *fields]).encode("latin-1"), Limits())
    base = base or template(("127.0.0.1", "8000"), False, True, False)
    forwarding = forwarding or Forwarding(**options)
    return build(base, head, BODY, ("192.0.2.7", "4711"), forwarding, trusted)


def test_a_whole_environ() -> None:
    environ = environ_of(
        "Content-Type: text/plain",
        "Content-Length: 3",
        "X-Some-Thing: 1",
        line="POST /a%20b/%C3%A4?q=%20 HTTP/1.1",
    )
    wrapper = environ.pop("wsgi.file_wrapper")
    assert callable(wrapper)
    assert environ.pop("SERVER_SOFTWARE").startswith("paceline/")
    assert environ == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa4",
        "QUERY_STRING": "q=%20",
        "REQUEST_URI": "/a%20b/%C3%A4?q=%20",
        "RAW_URI": "/a%20b/%C3%A4?q=%20",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "4711",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "HTTP_HOST": "a",
        "HTTP_X_SOME_THING": "1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BODY,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "GET /a HTTP/1.0", "OPTIONS * HTTP/1.1"])
def test_wsgiref_finds_nothing_wrong_with_it(line: str) -> None:
    check_environ(environ_of(line=line))


def test_what_did_not_come_is_not_there() -> None:
    environ = environ_of()
    assert not {"CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_LENGTH"} & environ.keys()
    assert environ["QUERY_STRING"] == ""


def test_each_request_has_its_own() -> None:
    base = template(("a", "1"), False, True, False)
    first = environ_of(base=base)
    first["mine"] = 1
    first["SCRIPT_NAME"] = "/changed"
    second = environ_of(base=base)
    assert "mine" not in second
    assert second["SCRIPT_NAME"] == ""


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/%2F%2f", "///"),
        ("/a+b;c=d", "/a+b;c=d"),
        ("/%00", "/\0"),
        ("/%FF%e2%82%ac", "/\xff\xe2\x82\xac"),
        ("/../%2e%2e", "/../.."),
        ("http://a/x%20y", "/x y"),
        ("http://a", "/"),
    ],
)
def test_paths(target: str, path: str) -> None:
    environ = environ_of(line=f"GET {target} HTTP/1.1")
    assert environ["PATH_INFO"] == path
    assert environ["REQUEST_URI"] == target


@pytest.mark.parametrize("target", ["/%", "/%zz", "/%4", "/a%20%", "http://a/%+1"])
def test_a_per_cent_sign_that_escapes_nothing(target: str) -> None:
    with pytest.raises(BadRequest):
        environ_of(line=f"GET {target} HTTP/1.1")


def test_a_query_is_not_decoded() -> None:
    assert environ_of(line="GET /?a=100%&b=%zz HTTP/1.1")["QUERY_STRING"] == "a=100%&b=%zz"


def test_more_names_than_are_remembered() -> None:
    for number in range(CACHE_SIZE + 10):
        environ = environ_of(f"X-{number}: {number}", "Content-Type: t")
        assert environ[f"HTTP_X_{number}"] == str(number)
        assert environ["CONTENT_TYPE"] == "t"
        assert "HTTP_CONTENT_TYPE" not in environ


def test_the_field_that_libraries_take_for_a_proxy() -> None:
    for name in ("Proxy", "PROXY"):
        assert "HTTP_PROXY" not in environ_of(f"{name}: http://evil")
    dangerous = environ_of("Proxy: http://evil", header_map="dangerous")
    assert "HTTP_PROXY" not in dangerous


def test_a_chunked_body_is_described_as_what_it_has_become() -> None:
    environ = environ_of("Transfer-Encoding: chunked")
    say_length(environ, 12)
    assert environ["CONTENT_LENGTH"] == "12"
    assert "HTTP_TRANSFER_ENCODING" not in environ


# --- where it listens -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "secure", "url"),
    [
        (("127.0.0.1", "8000"), False, "http://127.0.0.1:8000/"),
        (("127.0.0.1", "80"), False, "http://127.0.0.1/"),
        (("127.0.0.1", "443"), True, "https://127.0.0.1/"),
        (("", "8000"), False, "http://localhost:8000/"),
        (("", ""), False, "http://localhost/"),
        (("", ""), True, "https://localhost/"),
        (("[::1]", "8000"), False, "http://[::1]:8000/"),
    ],
)
def test_the_url_of_a_request_without_host(local: tuple[str, str], secure: bool, url: str) -> None:
    """PEP 3333, "URL Reconstruction"."""
    base = template(local, secure, True, True)
    assert base["wsgi.multiprocess"] is True
    assert request_uri(environ_of(line="GET / HTTP/1.0", base=base)) == url


# --- what a proxy says ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "scheme"),
    [
        ([], "http"),
        (["X-Forwarded-Proto: https"], "https"),
        (["X-Forwarded-Proto: HTTPS"], "https"),
        (["X-Forwarded-Proto: http"], "http"),
        (["X-Forwarded-Protocol: ssl"], "https"),
        (["X-Forwarded-Ssl: on"], "https"),
        (["X-Forwarded-Ssl: on", "X-Forwarded-Proto: https"], "https"),
        (["X-Forwarded-For: 203.0.113.1"], "http"),
    ],
)
def test_the_scheme_that_a_proxy_says(fields: list[str], scheme: str) -> None:
    environ = environ_of(*fields, trusted=True)
    assert environ["wsgi.url_scheme"] == scheme
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert environ_of(*fields)["wsgi.url_scheme"] == "http"


def test_a_proxy_that_contradicts_itself() -> None:
    fields = ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: off"]
    with pytest.raises(BadRequest):
        environ_of(*fields, trusted=True)
    assert environ_of(*fields)["wsgi.url_scheme"] == "http"


def test_other_fields_may_say_the_scheme() -> None:
    headers = {"x-scheme": "secure"}
    environ = environ_of("X-Scheme: Secure", trusted=True, secure_scheme_headers=headers)
    assert environ["wsgi.url_scheme"] == "https"


CLAIMS = (
    "Forwarded: for=203.0.113.9;proto=https",
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Prefix: /mount",
    "X-Forwarded-Proto: https",
    "X-Forwarded-User: admin",
    "X-Real-IP: 203.0.113.9",
    "X-Scheme: secure",
)
SCHEME = {"x-scheme": "secure"}


def test_what_only_a_proxy_may_say_is_taken_away_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    forwarding = Forwarding(secure_scheme_headers=SCHEME)
    for _ in range(2):
        environ = environ_of("X-Other: 1", *CLAIMS, forwarding=forwarding)
        assert environ == environ_of("X-Other: 1")
    (said,) = caplog.messages
    assert said.startswith("192.0.2.7 is not in forwarded_allow_ips")
    assert "does not see its forwarded, x-forwarded-for, x-forwarded-host, " in said

    trusted = environ_of(*CLAIMS, trusted=True, forwarding=forwarding)
    assert trusted["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    assert trusted["HTTP_FORWARDED"] == "for=203.0.113.9;proto=https"


def test_whoever_wants_them_all_the_same() -> None:
    environ = environ_of(*CLAIMS, clear_untrusted_proxy_headers=False)
    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    assert environ["wsgi.url_scheme"] == "http"


def test_what_only_a_proxy_may_say_by_another_name() -> None:
    fields = ("X_Forwarded-For: 203.0.113.9", "X-Forwarded_User: admin", "X_Other: 1")
    environ = environ_of(*fields, header_map="dangerous")
    assert not {"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_USER"} & environ.keys()
    assert environ["HTTP_X_OTHER"] == "1"


@pytest.mark.parametrize("trusted", [True, False])
def test_names_with_an_underscore(trusted: bool) -> None:
    fields = ["X_Secret: 1", "Content_Length: 5", "Host_: b"]
    dropped = environ_of(*fields, trusted=trusted)
    assert dropped == environ_of(trusted=trusted)
    with pytest.raises(BadRequest):
        environ_of(*fields, trusted=trusted, header_map="refuse")
    through = environ_of(*fields, trusted=trusted, header_map="dangerous")
    assert through["HTTP_X_SECRET"] == "1"
    assert "CONTENT_LENGTH" not in through


def test_where_a_proxy_mounts_the_application() -> None:
    line = "GET /mount/page HTTP/1.1"
    environ = environ_of("SCRIPT_NAME: /mount", line=line, trusted=True)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mount", "/page")
    assert "HTTP_SCRIPT_NAME" not in environ
    environ = environ_of("SCRIPT_NAME: /mount", line=line)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/mount/page")


@pytest.mark.parametrize("target", ["/other", "/mounted", "/mountain/x"])
def test_a_path_that_is_not_beneath_its_mount(target: str) -> None:
    with pytest.raises(BadRequest):
        environ_of("SCRIPT_NAME: /mount", line=f"GET {target} HTTP/1.1", trusted=True)


def test_a_request_has_room_in_the_copy_of_the_template() -> None:
    environ = template(("127.0.0.1", "8000"), False, True, False).copy()
    size = sys.getsizeof(environ)
    for number in range(20):
        environ[f"HTTP_X_{number}"] = ""
    assert sys.getsizeof(environ) == size
