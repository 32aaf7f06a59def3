"""POST /v1/traces and /v1/recordings: spans over HTTP, by a WSGI application before Django.

It does without Django, which would double what a post costs: 500 traces a second are 1,000 posts.
Every refusal comes with OTLP's own status.  Browsers cannot send these content types to another
site without asking it first (CORS), and get no consent here: so no web page can send spans.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from lab.console import otlp
from lab.console.collector import Collector
from lab.console.limits import MAX_BODY
from lab.tracing import packing

TYPES = {
    "/v1/traces": (otlp.PROTOBUF, otlp.JSON),
    packing.PATH: (packing.CONTENT_TYPE,),
}
"""What each path takes."""

Hosts = Callable[[str], bool]


def before(site: WSGIApplication, is_ours: Hosts, collector: Callable[[], Collector]) -> Any:
    """A site that also takes spans; ``is_ours`` tells whether a Host field names it."""

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        types = TYPES.get(environ["PATH_INFO"])
        if types is None:
            return site(environ, start_response)
        content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        more: dict[str, str] = {}
        try:
            if not is_ours(environ.get("HTTP_HOST", "")):
                raise otlp.Refused(400, "Host: ask for localhost")
            export, body = read(environ, content_type, types)
            take(collector(), export, body)
            content_type = answered_in(content_type)
            status, answer = 200, otlp.success(export, content_type)
        except otlp.Refused as refused:
            content_type = answered_in(content_type)
            status, answer = refused.status, otlp.failure(refused, content_type)
            more = FIELDS.get(status, {})
        fields = {"Content-Type": content_type, "Content-Length": str(len(answer)), **SAFE, **more}
        start_response(f"{status} {HTTPStatus(status).phrase}", [*fields.items()])
        return [answer]

    return application


FIELDS = {405: {"Allow": "POST"}, 503: {"Retry-After": "1"}}
"""What some statuses need beside their answer."""

SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}


def answered_in(content_type: str) -> str:
    """The type of the answer to a request of this one."""
    return otlp.PROTOBUF if content_type == otlp.PROTOBUF else otlp.JSON


def read(
    environ: Mapping[str, Any], content_type: str, types: Sequence[str]
) -> tuple[otlp.Export, bytes | None]:
    """What a request brings, and its JSON where that can be kept as it is.  Raises Refused."""
    if environ["REQUEST_METHOD"] != "POST":
        raise otlp.Refused(405, "spans are sent by POST")
    if content_type not in types:
        raise otlp.Refused(415, f"send {' or '.join(types)}")
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        raise otlp.Refused(413, f"more than {MAX_BODY} bytes")
    body = environ["wsgi.input"].read(MAX_BODY + 1)
    if len(body) > MAX_BODY:  # in chunks, whose sum nobody has told
        raise otlp.Refused(413, f"more than {MAX_BODY} bytes")
    body = otlp.decompress(body, environ.get("HTTP_CONTENT_ENCODING", "").strip().lower())
    if content_type == packing.CONTENT_TYPE:
        return otlp.read_recordings(body), None
    export = otlp.read(body, content_type)
    return export, body if content_type == otlp.JSON and not export.rejected else None


def take(collector: Collector, export: otlp.Export, body: bytes | None) -> None:
    """Raises Refused where too much waits."""
    collector.rejected += export.rejected
    if export.spans and not collector.take(export.spans, body):
        raise otlp.Refused(503, "more comes than can be written; come again")
