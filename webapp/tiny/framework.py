"""A web framework in one file: what stands between a WSGI server and a view.

A server hands over ``environ``, a dictionary of what it parsed, and ``start_response``, and
takes back an iterable of bytes (PEP 3333).  A view wants a request and returns a response.
What lies between, in the order of this file:

    Request     reads environ as far as a view asks: path, query, fields, cookies, body
    Response    status, header fields and body, refused at once where a server could not send them
    HTTPError   an answer that is raised instead of returned
    App         finds the view for path and method, turns errors into answers, calls start_response

    app = App()

    @app.route("/greet/<name>/<int:times>/")
    def greet(request: Request, name: str, times: int) -> Response:
        return Response.text(f"hello {name}\\n" * times)

Left out on purpose: templates, sessions, multipart forms.  Any WSGI middleware can stand around
an ``App``, since it is a WSGI application itself.
"""

import json
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, quote
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import is_hop_by_hop

MAX_BODY = 8 << 20  # bytes kept in memory, unless an App says otherwise
MAX_VALUES = 1000  # in a query or form: each costs memory before a view has seen it
BODILESS = frozenset({204, 304})  # answers that end with their header section (RFC 9110, 6.4.1)

Fields = Iterable[tuple[str, str]]

# RFC 9110, 5.6.2:  token = 1*tchar
FIELD_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
# Narrower than RFC 9110, 5.5: PEP 3333 forbids every control character, so the tab as well.
FIELD_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]*")
DIGITS = re.compile(r"[0-9]{1,18}")  # fits 64 bits, and far below what int() refuses


class Values(dict[str, str]):
    """``a=1&b=2``, decoded; of a repeated name ``[]`` has the last value.  Too many: 400."""

    def __init__(self, encoded: str) -> None:
        try:
            self.pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=MAX_VALUES)
        except ValueError:
            raise HTTPError(400, f"More than {MAX_VALUES} values.") from None
        super().__init__(self.pairs)

    def all(self, name: str) -> list[str]:
        """Every value of ``name``, in the order sent."""
        return [value for key, value in self.pairs if key == name]


class Request:
    """One request.  What a client may have got wrong raises HTTPError 400 when it is read."""

    def __init__(self, environ: WSGIEnvironment, max_body: int = MAX_BODY) -> None:
        self.environ = environ
        self.max_body = max_body
        self.method: str = environ["REQUEST_METHOD"]

    @cached_property
    def path(self) -> str:
        """The path below the application, decoded, never empty.

        The server has undone the percent-encoding already.  PEP 3333 carries the bytes that
        gives as a str of latin-1 characters; the web means them as UTF-8.
        """
        raw: str = self.environ.get("PATH_INFO", "")
        try:
            return raw.encode("latin-1").decode() or "/"
        except UnicodeDecodeError:
            raise HTTPError(400, "The path is not UTF-8.") from None

    @cached_property
    def query(self) -> Values:
        """What follows the ``?``."""
        raw: str = self.environ.get("QUERY_STRING", "")
        return Values(raw.encode("latin-1").decode(errors="replace"))

    @cached_property
    def headers(self) -> dict[str, str]:
        """The header fields, by names ``Like-This``."""
        # They come as HTTP_LIKE_THIS, save two that CGI named without the prefix.
        fields = {key[5:]: value for key, value in self.environ.items() if key.startswith("HTTP_")}
        for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if self.environ.get(key):
                fields[key] = self.environ[key]
        return {key.replace("_", "-").title(): value for key, value in fields.items()}

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies; of a name sent twice the first, which has the longest path."""
        found: dict[str, str] = {}
        for pair in self.headers.get("Cookie", "").split(";"):
            name, equals, value = pair.partition("=")
            if equals:
                found.setdefault(name.strip(), value.strip().strip('"'))
        return found

    @cached_property
    def content_length(self) -> int | None:
        """Bytes of the body; None where the server cannot know (a chunked body, passed through)."""
        # PEP 3333 lets CONTENT_LENGTH be empty or missing, which means no body, and forbids to read
        # past it: on a kept connection that waits for ever.  ``wsgi.input_terminated`` is the
        # common promise of servers that their input ends by itself.
        text = self.environ.get("CONTENT_LENGTH", "")
        if not text:
            return None if self.environ.get("wsgi.input_terminated") else 0
        if not DIGITS.fullmatch(text):
            raise HTTPError(400, "Content-Length is not a number.")
        return int(text)

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, of any length, once; each step blocks until more is here."""
        left = float("inf") if self.content_length is None else self.content_length
        while left and (chunk := self.environ["wsgi.input"].read(int(min(left, 1 << 16)))):
            left -= len(chunk)
            yield chunk
        if left and self.content_length is not None:
            raise HTTPError(400, "The body ended early.")

    @cached_property
    def body(self) -> bytes:
        """The whole body; blocks until it is here.  Raises 413 past ``max_body`` bytes."""
        if (self.content_length or 0) > self.max_body:
            raise HTTPError(413)
        data = bytearray()
        for chunk in self.chunks():
            data += chunk
            if len(data) > self.max_body:
                raise HTTPError(413)
        return bytes(data)

    @cached_property
    def form(self) -> Values:
        """The body of an HTML form, as browsers send it by default; anything else raises 415."""
        self._expect("application/x-www-form-urlencoded")
        return Values(self.body.decode(errors="replace"))

    @cached_property
    def json(self) -> Any:
        """The body read as JSON.  Raises 415 for another type, 400 for what is not JSON."""
        self._expect("application/json")
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise HTTPError(400, "The body is not JSON.") from None

    def _expect(self, wanted: str) -> None:
        if self.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != wanted:
            raise HTTPError(415, f"Send {wanted}.")


class Response:
    """One answer.  A body that is one ``bytes`` gets a Content-Length; any other is streamed.

    Raises ValueError for what could not be sent, so that a mistake in a view gets a 500.
    """

    def __init__(
        self,
        body: bytes | Iterable[bytes] = b"",
        status: int = 200,
        content_type: str = "application/octet-stream",
        headers: Fields = (),
    ) -> None:
        self.status = f"{status} {HTTPStatus(status).phrase}"
        self.headers: list[tuple[str, str]] = []
        self.body: Iterable[bytes] = [body] if isinstance(body, bytes) else body
        if status in BODILESS and body != b"":
            raise ValueError(f"An answer with status {status} has no body.")
        if status not in BODILESS:
            self.add_header("Content-Type", content_type)
            if isinstance(body, bytes):
                self.add_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.add_header(name, value)

    def add_header(self, name: str, value: str) -> None:
        """Add one field.  A line end in it would let its author write the rest of the answer."""
        if not FIELD_NAME.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            raise ValueError(f"Not a header field: {name!r}: {value!r}")
        if is_hop_by_hop(name):
            raise ValueError(f"{name} belongs to the server (PEP 3333).")
        self.headers.append((name, value))

    @classmethod
    def text(cls, text: str, status: int = 200, headers: Fields = ()) -> Self:
        """Plain text."""
        return cls(text.encode(), status, "text/plain; charset=utf-8", headers)

    @classmethod
    def html(cls, text: str, status: int = 200) -> Self:
        """A page; whatever in it came from outside must have gone through ``html.escape``."""
        return cls(text.encode(), status, "text/html; charset=utf-8")

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Self:
        """What ``json.dumps`` can write."""
        return cls(json.dumps(value).encode(), status, "application/json")

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Self:
        """To ``location``, in which everything that a URI cannot hold is percent-encoded."""
        safe = quote(location, safe="%/:?#[]@!$&'()*+,;=")
        return cls(b"", status, "text/plain", [("Location", safe)])


class HTTPError(Exception):
    """An answer that is raised; ``text`` is shown to the client, by default the status' name."""

    def __init__(self, status: int, text: str = "", headers: Fields = ()) -> None:
        super().__init__(status, text)
        self.response = Response.text(text or HTTPStatus(status).phrase, status, headers)


View = Callable[..., Response]
Convert = Callable[[str], Any]

# What ``<kind:name>`` in a route matches, and what makes a view's argument of it.
KINDS: dict[str, tuple[str, Convert]] = {"str": ("[^/]+", str), "int": (DIGITS.pattern, int)}


def compile_path(path: str) -> tuple[re.Pattern[str], dict[str, Convert]]:
    """``/greet/<name>/<int:n>/`` as a pattern, and how to convert each name in it."""
    # With two groups, split() gives: literal, kind, name, literal, kind, name, … literal.
    literal, *rest = re.split("<(?:([a-z]+):)?([a-z_]+)>", path)
    pattern, converts = re.escape(literal), {}
    for kind, name, literal in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        expression, converts[name] = KINDS[kind or "str"]
        pattern += f"(?P<{name}>{expression}){re.escape(literal)}"
    return re.compile(pattern), converts


class App:
    """Views by path and method, as one WSGI application."""

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self.max_body = max_body
        self.routes: list[tuple[re.Pattern[str], dict[str, Convert], set[str], View]] = []

    def route(self, path: str, *methods: str) -> Callable[[View], View]:
        """Decorate the view for ``path`` and ``methods`` (none: GET).  GET answers HEAD too."""
        pattern, converts = compile_path(path)
        accepted = set(methods or ["GET"])
        if "GET" in accepted:
            accepted.add("HEAD")

        def register(view: View) -> View:
            self.routes.append((pattern, converts, accepted, view))
            return view

        return register

    def respond(self, request: Request) -> Response:
        """Call the first view for path and method.

        Raises HTTPError 404 where no route has the path, 405 where none of them has the method.
        """
        allowed: set[str] = set()
        for pattern, converts, methods, view in self.routes:
            if match := pattern.fullmatch(request.path):
                if request.method in methods:
                    parts = match.groupdict().items()
                    return view(request, **{name: converts[name](text) for name, text in parts})
                allowed |= methods
        if not allowed:
            raise HTTPError(404)
        allow = ("Allow", ", ".join(sorted(allowed | {"OPTIONS"})))
        if request.method == "OPTIONS":
            return Response(status=204, headers=[allow])
        raise HTTPError(405, headers=[allow])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI side.  An error inside a body that is being sent is the server's to handle."""
        request = Request(environ, self.max_body)
        try:
            response = self.respond(request)
        except HTTPError as error:
            response = error.response
        except Exception:
            # The traceback is for those who run the server; it tells a client nothing.
            environ["wsgi.errors"].write(traceback.format_exc())
            environ["wsgi.errors"].flush()
            response = HTTPError(500).response
        start_response(response.status, response.headers)
        if request.method != "HEAD":
            return response.body
        # The server closes what it was given; this body it never sees.
        if close := getattr(response.body, "close", None):
            close()
        return []
