"""What is secret does not leave the process; all else stays as it was."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.tracing.mask import mask_body, mask_head, mask_query, mask_target, mask_variable
from lab.tracing.secret_names import is_secret

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XX"

SECRETS = [
    *("password", "Passwd", "new_password1", "old-pwd", "pass", "user[pass]", "db_pass2"),
    *("secret", "client_secret", "csrfmiddlewaretoken", "access_token", "X-CSRF-Token", "api_key"),
    *("apikey", "X-Api-Key", "private_key", "sessionid", "passphrase", "credentials", "pass%77ord"),
    *("Proxy-Authorization", "X-Auth-Key"),
]
HARMLESS = [
    *(
        "compass",
        "passenger",
        "bypass",
        "author",
        "monkey",
        "primary_key",
        "Host",
        "name",
        "session",
    ),
    *("Sec-WebSocket-Key", "Accept", "X-Request-Start", "traceparent", "WWW-Authenticate", "pa"),
]


@pytest.mark.parametrize("name", SECRETS)
def test_names_of_secrets(name: str):
    assert is_secret(name.encode()) and is_secret(name.upper().encode())


@pytest.mark.parametrize("name", HARMLESS)
def test_names_of_what_is_none(name: str):
    assert not is_secret(name.encode())


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("Authorization: Basic bmFtZTp3b3Jk", "Authorization: Basic ***"),
        ("authorization:Bearer abc.def", "authorization:Bearer ***"),
        ("Proxy-Authorization: whatever it is", "Proxy-Authorization: ***"),
        ("Authorization : Basic odd", "Authorization : Basic ***"),
        ("Authorization: Basic\r\n folded", "Authorization: ***"),
        ("X-Api-Key: 123", "X-Api-Key: ***"),
        ("Cookie: sessionid=abc; theme=dark;x", "Cookie: sessionid=***; theme=***;***"),
        ("Cookie: a=b=c; =d; ", "Cookie: a=***; =***; "),
        (
            "Set-Cookie: sid=abc; Path=/; HttpOnly; max-age=3; Expires=Wed, 1 Jan 2025",
            "Set-Cookie: sid=***; Path=/; HttpOnly; max-age=3; Expires=Wed, 1 Jan 2025",
        ),
        ('Set-Cookie: a="b;c=d"; Secure', "Set-Cookie: a=***; ***; Secure"),
        ("Referer: http://x/?a=b&token=c#d", "Referer: http://x/?a=b&token=***"),
        ("Location: https://me:word@x/#access_token=c", "Location: https://***@x/#access_token=***"),
        ("Accept: */*;q=0.1", "Accept: */*;q=0.1"),
        ("Authorization", "Authorization"),
    ],
)  # fmt: skip
def test_fields_of_a_head(line: str, masked: str):
    for end in ("\r\n", "\n", "\r\nB: c\r\n\r\n", ""):
        head, expected = (f"GET / HTTP/1.1\r\nA: b\r\n{x}{end}" for x in (line, masked))
        assert mask_head(head.encode()).decode() == expected


def test_the_request_line():
    line = b"GET /a;x?q=1&password=a;b&KEY=z&c=d HTTP/1.1\r\n\r\n"
    assert mask_head(line) == b"GET /a;x?q=1&password=***&KEY=***&c=d HTTP/1.1\r\n\r\n"


def test_targets_and_queries():
    assert mask_target("/ä?a=b;token=ö c&d") == "/ä?a=b;token=*** c&d"
    assert mask_target("http://token@host/a@b") == "http://***@host/a@b"
    assert mask_query("pwd=1&a=2") == "pwd=***&a=2"
    assert mask_query("") == ""


def test_a_url_that_is_a_parameter_of_another():
    login = "/login?next=%2Freset%3Fpage%3D2%26TOKEN%3dabc&a=b"
    assert mask_target(login) == "/login?next=%2Freset%3Fpage%3D2%26TOKEN%3d***&a=b"
    assert mask_query("next=/x%3ftoken=abc") == "next=/x%3ftoken=***"


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        ("a=1&password=x y&b=2", "a=1&password=***&b=2"),
        ("pass%57ord=x", "pass%57ord=***"),
        ("a=1;pwd=2&b", "a=1;pwd=***&b"),
        ("user%5Bpassword%5D=x", "user%5Bpassword%5D=***"),
        ("a=1&password", "a=1&password"),
        ("password=", "password=***"),
        ('{"password": "x=y"}', '{"password": "***"}'),
    ],
)
def test_forms(body: str, masked: str):
    for content_type in (FORM, f"{FORM.upper()}; charset=utf-8", ""):
        assert mask_body(body.encode(), content_type).decode() == masked


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        ('{"a": 1, "password": "x\\"y", "b": [2]}', '{"a": 1, "password": "***", "b": [2]}'),
        ('{"token" : 12 , "b": true}', '{"token" : "***" , "b": true}'),
        ('{"pass\\u0077ord": null}', '{"pass\\u0077ord": "***"}'),
        ('[{"secrets": {"a": ["b}", {}]}, "c": "d"}]', '[{"secrets": "***", "c": "d"}]'),
        ('{"a": "\\"token\\": \\"b\\"", "key": "v"}', '{"a": "\\"token\\": \\"b\\"", "key": "v"}'),
        ('["password", "x"]', '["password", "x"]'),
        ('{"token": "cut of', '{"token": "***"'),
        ('{"token": "cut of\\', '{"token": "***"'),
        ('{"tokens": ["cut", "of', '{"tokens": "***"'),
        ('{"token": 12', '{"token": "***"'),
        ('{"a": "b", "tok', '{"a": "b", "tok'),
    ],
)
def test_json(body: str, masked: str):
    for content_type in ("application/json", "application/problem+json; charset=utf-8"):
        assert mask_body(body.encode(), content_type).decode() == masked


def part(name: str, content: str) -> str:
    return f"--XX\r\nContent-Disposition: form-data; {name}\r\n\r\n{content}\r\n"


@pytest.mark.parametrize("name", ['name="password"', "NAME=pwd", 'filename="x"; name="a_token"'])
def test_multipart(name: str):
    whole = part('name="a"; filename="token"', "b") + "{}" + part('name="c"', "d") + "--XX--\r\n"
    body, masked = (whole.format(part(name, text)) for text in ("my\r\n\r\nsecret", "***"))
    for content_type in (MULTIPART, 'Multipart/Form-Data; Boundary="XX"', "multipart/form-data"):
        assert mask_body(body.encode(), content_type).decode() == masked


@pytest.mark.parametrize("end", ["sec", "secret\r\n--", "secret\r\n--X"])
def test_multipart_cut_off(end: str):
    body = 'preamble\r\n--XX\r\nContent-Disposition: form-data; name="password"\r\n\r\n'
    assert mask_body((body + end).encode(), MULTIPART).decode() == body + "***"


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        ('<input name="a_token" value="x">', '<input name="a_token" value="***">'),
        ("<INPUT value='x>y' type=password>", "<INPUT value='***' type=password>"),
        ("<input name=a value=x>", "<input name=a value=x>"),
        ('<meta name="csrf-token" content="x">', '<meta name="csrf-token" content="***">'),
        ('<p>token</p><input value="cut', '<p>token</p><input value="***"'),
        ("<input type=text name=pwd value=cut", "<input type=text name=pwd value=***"),
    ],
)
def test_html(body: str, masked: str):
    assert mask_body(body.encode(), "text/html; charset=utf-8").decode() == masked


def test_other_bodies():
    assert mask_body(b"password=x\0", "image/png") == b"password=x\0"
    assert mask_body(b"password=x", FORM, "identity") == b"password=***"
    assert b"password" not in mask_body(b"password=x", FORM, "gzip")
    assert mask_body(b"", FORM, "gzip") == b""


def test_a_form_in_plain_text():
    plain = b"name=a=b\r\npassword=two words\r\nx=1"
    assert mask_body(plain, "text/plain") == b"name=a=b\r\npassword=***\r\nx=1"


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_json_in_wide_characters_is_left_out(coding: str):
    masked = mask_body('{"password": "abc"}'.encode(coding), "application/json; charset=x")
    assert b"a\0b" not in masked and b"in which nothing is masked" in masked


def test_json_that_is_a_part_of_a_form():
    part = b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n{"token": "%s"}\r\n--x--'
    assert mask_body(part % b"abc", "multipart/form-data; boundary=x") == part % b"***"


def test_the_environ():
    environ = {
        "HTTP_COOKIE": "a=b; c=d",
        "HTTP_AUTHORIZATION": "Basic abc",
        "HTTP_X_API_KEY": "abc",
        "HTTP_REFERER": "http://x/?token=abc",
        "QUERY_STRING": "password=abc&d=e",
        "RAW_URI": "/ä?password=abc&d=e",
        "REQUEST_URI": "/?d=e&pwd=abc",
        "SECRET_KEY": "abc",
        "DATABASE_URL": "postgres://lab:abc@host/db",
        "PATH_INFO": "/\xe4\udcff",
    }
    assert {name: mask_variable(name, value) for name, value in environ.items()} == {
        "HTTP_COOKIE": "a=***; c=***",
        "HTTP_AUTHORIZATION": "Basic ***",
        "HTTP_X_API_KEY": "***",
        "HTTP_REFERER": "http://x/?token=***",
        "QUERY_STRING": "password=***&d=e",
        "RAW_URI": "/ä?password=***&d=e",
        "REQUEST_URI": "/?d=e&pwd=***",
        "SECRET_KEY": "***",
        "DATABASE_URL": "postgres://***@host/db",
        "PATH_INFO": "/\xe4\udcff",
    }


MARK = "s3cr3t"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SECRET_NAMES = st.sampled_from([name for name in SECRETS if "%" not in name])
NAMES = st.sampled_from(HARMLESS) | SECRET_NAMES


@given(st.lists(st.tuples(NAMES, TEXT), min_size=1), st.data())
def test_no_secret_of_a_form_or_of_json_survives_wherever_it_is_cut(
    fields: list[tuple[str, str]], data: st.DataObject
):
    values = {name: MARK + text if name in SECRETS else text for name, text in fields}
    parts = "".join(part(f'name="{name}"', value) for name, value in values.items())
    json_text = json.dumps(values, ensure_ascii=data.draw(st.booleans()))
    for body, content_type in (
        (urlencode(values), FORM),
        (json_text, "application/json"),
        (parts, MULTIPART),
    ):
        octets = body.encode()
        end = data.draw(st.integers(0, len(octets)))
        assert b"s3c" not in mask_body(octets[:end], content_type)


@given(st.lists(st.tuples(st.sampled_from(HARMLESS), TEXT)))
def test_what_is_not_secret_stays(fields: list[tuple[str, str]]):
    values = dict(fields)
    parts = "".join(part(f'name="{name}"', value) for name, value in values.items())
    bodies = [
        (urlencode(values), FORM),
        (json.dumps(values), "application/json"),
        (parts, MULTIPART),
    ]
    for body, content_type in bodies:
        assert mask_body(body.encode(), content_type) == body.encode()
    head = "GET / HTTP/1.1\r\n" + "".join(f"{name}: x\r\n" for name, _ in fields) + "\r\n"
    assert mask_head(head.encode()) == head.encode()


@given(
    st.binary(max_size=200), st.sampled_from([FORM, MULTIPART, "application/json", "text/html", ""])
)
def test_any_bytes_can_be_looked_at(body: bytes, content_type: str):
    mask_body(body, content_type)
    without_query = mask_head(b"GET / HTTP/1.1\r\n" + body)
    assert without_query.startswith(b"GET / HTTP/1.1\r\n")


@given(st.lists(st.tuples(NAMES, st.sampled_from(["", " ", "\t"])), min_size=1), st.data())
def test_no_secret_of_a_head_survives_wherever_it_is_cut(
    fields: list[tuple[str, str]], data: st.DataObject
):
    lines = [f"{name}:{space}{MARK if name in SECRETS else 'x'}\r\n" for name, space in fields]
    lines += [f"Cookie: a={MARK}; b={MARK}\r\n", f"Set-Cookie: a={MARK}; Path=/\r\n"]
    head = (
        f"GET /?password={MARK} HTTP/1.1\r\n" + "".join(data.draw(st.permutations(lines))) + "\r\n"
    )
    masked = mask_head(head[: data.draw(st.integers(0, len(head)))].encode()).decode()
    assert "s3" not in masked
