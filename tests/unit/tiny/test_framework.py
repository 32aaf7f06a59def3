"""The framework: what an App makes of an environ, with wsgiref.validate around everything."""

import json
import re
import string
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny.framework import App, HTTPError, Request, Response, compile_path


@pytest.fixture
def app():
    app = App(max_body=100)

    @app.route("/greet/<name>")
    def greet(_, name):
        return Response.text(f"hello {name}")

    @app.route("/add/<int:a>/<int:b>/", "GET", "POST")
    def add(_, a, b):
        return Response.json(a + b)

    @app.route("/add/<int:a>/<int:b>/", "DELETE")
    def subtract(_, a, b):
        return Response.json(a - b)

    @app.route("/body/", "POST")
    def body(request):
        return Response(request.body)

    @app.route("/form/", "POST")
    def form(request):
        return Response.json([request.form, request.form.all("a")])

    @app.route("/json/", "POST")
    def read_json(request):
        return Response.json(request.json)

    @app.route("/query/")
    def query(request):
        return Response.json([request.query, request.query.all("a")])

    @app.route("/about/", "GET", "POST")
    def about(request):
        return Response.json(
            {"method": request.method, "headers": request.headers, "cookies": request.cookies}
        )

    @app.route("/fails/")
    def fails(_):
        raise RuntimeError("the secret reason")

    @app.route("/teapot/")
    def teapot(_):
        raise HTTPError(418, "short and stout", [("X-Handle", "here")])

    return app


# --- routes


def test_a_name_in_the_path_becomes_an_argument(app, send):
    answer = send(app, "/greet/M%C3%BCnchen")
    assert (answer.status, answer.body.decode()) == ("200 OK", "hello München")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_numbers_in_the_path_arrive_as_int(app, send):
    assert send(app, "/add/20/22/").body == b"42"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/greet/",
        "/greet",
        "/greet/a/b",
        "/greet/a/",
        "/add/1/x/",
        "/add/1/-2/",
        "/add/1/+2/",
        "/add/1/%D9%A3/",  # a digit, but not of ASCII
        "/add/1/2/%0A",
        "/add/1/" + "9" * 5000 + "/",  # int() itself would raise past 4,300 digits
    ],
)
def test_a_path_that_no_route_has_is_404(app, send, path):
    answer = send(app, path)
    assert (answer.status, answer.body, answer.errors) == ("404 Not Found", b"Not Found", "")


def test_literal_parts_of_a_route_are_no_pattern(send):
    app = App()
    app.route("/a.b/(c)")(lambda _: Response.text("yes"))
    assert send(app, "/a.b/(c)").code == 200
    assert send(app, "/aXb/c").code == 404


def test_an_unknown_kind_in_a_route_fails_at_once():
    with pytest.raises(KeyError):
        App().route("/<float:x>/")


def test_an_empty_path_is_the_root(send):
    app = App()
    app.route("/")(lambda _: Response.text("root"))
    assert send(app, "", SCRIPT_NAME="/mounted").body == b"root"


def test_a_path_that_is_not_utf8_is_400(app, send):
    assert send(app, "/greet/%FF").status == "400 Bad Request"


# --- methods


def test_methods_of_one_path_may_stand_in_several_routes(app, send):
    assert send(app, "/add/3/2/", "DELETE").body == b"1"
    assert send(app, "/add/3/2/", "POST").body == b"5"


def test_a_method_that_no_route_has_is_405_and_told_what_there_is(app, send):
    answer = send(app, "/add/1/2/", "PUT")
    assert answer.status == "405 Method Not Allowed"
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


def test_options_is_answered_from_the_routes(app, send):
    answer = send(app, "/body/", "OPTIONS")
    assert (answer.status, answer.headers, answer.body) == (
        "204 No Content",
        {"Allow": "OPTIONS, POST"},
        b"",
    )
    assert send(app, "/nowhere/", "OPTIONS").code == 404


def test_head_is_get_without_the_body(app, send):
    get, head = send(app, "/greet/you"), send(app, "/greet/you", "HEAD")
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert send(app, "/body/", "HEAD").code == 405


# --- errors


def test_an_exception_is_500_logged_and_not_shown(app, send):
    answer = send(app, "/fails/")
    assert (answer.status, answer.body) == ("500 Internal Server Error", b"Internal Server Error")
    assert answer.errors.startswith("Traceback")
    assert "RuntimeError: the secret reason" in answer.errors


def test_an_httperror_is_its_answer(app, send):
    answer = send(app, "/teapot/")
    assert (answer.status[:3], answer.body) == ("418", b"short and stout")
    assert answer.headers["X-Handle"] == "here"
    assert answer.errors == ""


# --- bodies


def test_a_body_is_read_to_its_length_and_no_further(app, send):
    # The conftest's input fails on a read past CONTENT_LENGTH and gives 7 bytes at most at once.
    assert send(app, "/body/", "POST", b"x" * 100).body == b"x" * 100


@pytest.mark.parametrize("length", [{}, {"CONTENT_LENGTH": ""}])
def test_no_length_is_no_body(app, send, length):
    assert send(app, "/body/", "POST", **length).body == b""


def test_a_body_whose_end_the_server_knows_is_read_without_a_length(app, send):
    answer = send(app, "/body/", "POST", b"chunked", **{"wsgi.input_terminated": True})
    assert answer.body == b"chunked"


@pytest.mark.parametrize("extra", [{}, {"wsgi.input_terminated": True}])
def test_a_body_that_is_too_large_is_413(app, send, extra):
    assert send(app, "/body/", "POST", b"x" * 101, **extra).status.startswith("413 ")


def test_a_body_that_ends_early_is_400(app, send):
    answer = send(
        app, "/body/", "POST", b"half", CONTENT_LENGTH="4", **{"wsgi.input_terminated": 1}
    )
    assert answer.body == b"half"
    answer = send(
        app, "/body/", "POST", b"half", CONTENT_LENGTH="8", **{"wsgi.input_terminated": 1}
    )
    assert (answer.code, answer.body) == (400, b"The body ended early.")


@pytest.mark.parametrize("length", ["+4", "4 ", "0x4", "4,4", "1_0", "9" * 5000])
def test_a_length_that_is_no_number_is_400(app, length):
    # Not through the validator: it converts CONTENT_LENGTH itself and would fail first.
    started = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/body/",
        "CONTENT_LENGTH": length,
        "wsgi.input": None,
    }
    app(environ, lambda status, _: started.append(status))
    assert started == ["400 Bad Request"]


def test_a_form(app, send):
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = send(app, "/form/", "POST", b"a=1&a=%C3%BC+x&b=", kind)
    assert json.loads(answer.body) == [{"a": "ü x", "b": ""}, ["1", "ü x"]]
    assert send(app, "/form/", "POST", b"a=1").code == 415


def test_json(app, send):
    kind = {"Content-Type": "Application/JSON"}
    assert send(app, "/json/", "POST", b'{"a": [1, null]}', kind).body == b'{"a": [1, null]}'
    assert send(app, "/json/", "POST", b"{}").code == 415


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"9" * 5000, b"[" * 100_000])
def test_what_is_not_json_is_400(send, body):
    app = App()
    app.route("/", "POST")(lambda request: Response.json(request.json))
    answer = send(app, "/", "POST", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.errors) == ("400 Bad Request", "")


# --- query, headers, cookies


def test_query_values_are_decoded_and_the_last_of_a_name_counts(app, send):
    answer = send(app, "/query/?a=1&a=%C3%BC&b&c=%FF")
    assert json.loads(answer.body) == [{"a": "ü", "b": "", "c": "\ufffd"}, ["1", "ü"]]


def test_raw_utf8_in_a_query_is_read_as_utf8(app, send):
    assert json.loads(send(app, "/query/?a=" + "ü".encode().decode("latin-1")).body)[1] == ["ü"]


def test_too_many_query_values_are_400(app, send):
    assert send(app, "/query/?" + "&".join(["a=1"] * 1000)).code == 200
    assert send(app, "/query/?" + "&".join(["a=1"] * 1001)).code == 400


def test_header_names_get_their_usual_form(app, send):
    answer = send(app, "/about/", "POST", b"x", {"Content-Type": "text/x", "X-Request-ID": "7"})
    headers = json.loads(answer.body)["headers"]
    assert headers["X-Request-Id"] == "7"
    assert (headers["Content-Type"], headers["Content-Length"]) == ("text/x", "1")


def test_cookies(app, send):
    answer = send(app, "/about/", headers={"Cookie": 'a=1; b="x=y";junk; c=; a=2'})
    assert json.loads(answer.body)["cookies"] == {"a": "1", "b": "x=y", "c": ""}


# --- responses


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nSet-Cookie: b"),
        ("X", "a\n"),
        ("X", "a\x00"),
        ("X", "tab\there"),
        ("X", "\u20ac"),
        ("X\r\nY", "a"),
        ("X Y", "a"),
        ("", "a"),
        ("Ünicode", "a"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_a_header_that_could_not_be_sent_is_refused(name, value):
    with pytest.raises(ValueError, match=re.escape(name.splitlines()[0] if name else "''")):
        Response.text("x", headers=[(name, value)])


def test_a_redirect_cannot_be_split_or_be_anything_but_ascii():
    headers = dict(Response.redirect("/a b?x=ü&y=%20\r\nSet-Cookie: z").headers)
    assert headers["Location"] == "/a%20b?x=%C3%BC&y=%20%0D%0ASet-Cookie:%20z"


def test_redirect_and_empty_answers_pass_the_validator(send):
    app = App()
    app.route("/to/")(lambda _: Response.redirect("/there/", 303))
    app.route("/gone/")(lambda _: Response(status=204))
    assert send(app, "/to/").headers["Location"] == "/there/"
    assert send(app, "/to/").status == "303 See Other"
    assert send(app, "/gone/").headers == {}


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_takes_none(status):
    with pytest.raises(ValueError, match=str(status)):
        Response(b"x", status)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_is_sent_as_it_is_made_and_closed(send, method):
    closed = []

    class Chunks:
        def __iter__(self):
            yield b"one"
            yield b"two"

        def close(self):
            closed.append(True)

    app = App()
    app.route("/")(lambda _: Response(Chunks(), content_type="text/plain"))
    answer = send(app, "/", method)
    assert "Content-Length" not in answer.headers
    assert answer.body == (b"onetwo" if method == "GET" else b"")
    assert closed == [True]


# --- properties

anything = st.text(st.characters(codec="utf-8"))
segments = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1)


@given(segments)
def test_any_segment_comes_through_percent_encoding_and_latin1(send, name):
    seen = []
    app = App()
    app.route("/<name>/")(lambda _, name: seen.append(name) or Response.text(""))
    answer = send(app, "/" + quote(name, safe="") + "/")
    assert (seen, answer.status) == ([name], "200 OK")


@given(st.lists(st.sampled_from(["<a>", "<b>", "<int:c>", "x", "."]), unique=True), st.data())
def test_a_route_matches_what_it_was_filled_with(parts, data):
    values = {
        "<a>": data.draw(segments),
        "<b>": data.draw(segments),
        "<int:c>": data.draw(st.integers(0, 10**18 - 1)),
    }
    pattern, converts = compile_path("/" + "/".join(parts))
    match = pattern.fullmatch("/" + "/".join(str(values.get(part, part)) for part in parts))
    assert match is not None
    got = {name: converts[name](text) for name, text in match.groupdict().items()}
    wanted = {re.sub(r"<(?:int:)?(.)>", r"\1", key): values[key] for key in values if key in parts}
    assert got == wanted


@given(st.binary())
def test_any_path_bytes_give_an_answer(raw):
    app = App()
    app.route("/<name>")(lambda _, name: Response.text(name))
    statuses = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/" + raw.decode("latin-1")}
    app(environ, lambda status, _: statuses.append(status[:3]))
    assert len(statuses) == 1
    assert statuses[0] in {"200", "400", "404"}


@given(st.dictionaries(anything, anything))
def test_any_query_comes_back(values):
    request = Request({"REQUEST_METHOD": "GET", "QUERY_STRING": urlencode(values)})
    assert request.query == values


@given(st.text(string.printable + "ü\u20ac"), st.text(string.printable + "ü\u20ac"))
def test_a_header_is_either_refused_or_one_line_of_latin1(name, value):
    response = Response()
    before = len(response.headers)
    try:
        response.add_header(name, value)
    except ValueError:
        assert len(response.headers) == before
    else:
        line = f"{name}: {value}".encode("latin-1")
        assert len(line.splitlines()) == 1
        assert not re.search(rb"[\x00-\x1f\x7f]", line)
