"""Applications for servers that are traced."""

from collections.abc import Callable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def fails(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    raise LookupError("a secret: hunter2")
