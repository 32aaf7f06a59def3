"""For the tests of the tiny framework and its application: a WSGI server that is a function."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

WEBAPP = Path(__file__).resolve().parents[3] / "webapp"
if str(WEBAPP) not in sys.path:
    sys.path.insert(0, str(WEBAPP))


@dataclass
class Answer:
    """What a client would get, and what the server's log would say."""

    status: str
    headers: dict[str, str]
    body: bytes
    errors: str

    @property
    def code(self) -> int:
        return int(self.status[:3])


class Input(io.BytesIO):
    """An input that a test fails on when it is read past the length that was declared.

    A real one would wait there for the next request of the connection.
    """

    def __init__(self, body: bytes, may_end: bool) -> None:
        super().__init__(body)
        self.may_end = may_end

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size > 0, "read() without a size reads past CONTENT_LENGTH"
        left = len(self.getbuffer()) - self.tell()
        assert self.may_end or size <= left, "read past CONTENT_LENGTH"
        return super().read(max(7, size // 2))  # a socket gives what is there


def call(
    app: Callable[..., Any],
    target: str = "/",
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    **environ: Any,
) -> Answer:
    """Send one request to ``app``, with ``wsgiref.validate`` on both of its sides."""
    path, _, query = target.partition("?")
    errors = io.StringIO()
    full: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "wsgi.input": Input(body, may_end="wsgi.input_terminated" in environ),
        "wsgi.errors": errors,
    }
    if body and "wsgi.input_terminated" not in environ:
        full["CONTENT_LENGTH"] = str(len(body))
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        full[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    full.update(environ)
    setup_testing_defaults(full)
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, fields: list[tuple[str, str]], _: Any = None) -> Any:
        started.append((status, fields))
        return lambda _: None

    result = validator(app)(full, start_response)
    try:
        content = b"".join(result)
    finally:
        result.close()
    ((status, fields),) = started
    return Answer(status, dict(fields), content, errors.getvalue())


@pytest.fixture(scope="session")
def send() -> Callable[..., Answer]:
    """The function ``call``."""
    return call
