"""Applications that the contract tests serve, each with wsgiref.validate around it."""

import json
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator


def _read_body(environ: WSGIEnvironment) -> bytes:
    if length := environ.get("CONTENT_LENGTH"):
        body: bytes = environ["wsgi.input"].read(int(length))
    else:
        body = environ["wsgi.input"].read(-1) if environ.get("wsgi.input_terminated") else b""
    return body


def _echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the strings of the environ and the body, as latin-1, in JSON."""
    body = _read_body(environ).decode("latin-1")
    strings = {key: value for key, value in environ.items() if isinstance(value, str)}
    answer = json.dumps({"environ": strings, "body": body}).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    )
    return [answer]


echo = validator(_echo)
