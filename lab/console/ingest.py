"""POST /v1/traces, and /v1/recordings: spans over HTTP.

Every refusal comes with OTLP's own status.  Browsers cannot send these content types to another
site without asking it first (CORS), and get no consent here: so no web page can send spans.
"""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from lab.console import otlp
from lab.console.collector import collector
from lab.console.limits import MAX_BODY
from lab.tracing import packing
from lab.tracing.unpacking import unpack


@csrf_exempt
def traces(request: HttpRequest) -> HttpResponse:
    """The view."""
    content_type = type_of(request)
    try:
        export, body = read(request, content_type)
        take(export, body)
    except otlp.Refused as refused:
        return refuse(refused, content_type)
    return HttpResponse(otlp.success(export, content_type), content_type=content_type)


@csrf_exempt
def recordings(request: HttpRequest) -> HttpResponse:
    """The view of what servers of the lab send: recordings, of which spans are made here."""
    try:
        body = read_body(request, (packing.CONTENT_TYPE,))
        try:
            spans = unpack(body)
        except ValueError as error:
            raise otlp.Refused(400, str(error)[:300]) from None
        export = otlp.Export()
        for span in spans:
            try:
                export.spans.append(otlp.checked(span))
            except ValueError as error:
                export.reject(error)
        take(export, None)
    except otlp.Refused as refused:
        return refuse(refused, otlp.JSON)
    return HttpResponse(otlp.success(export, otlp.JSON), content_type=otlp.JSON)


def read(request: HttpRequest, content_type: str) -> tuple[otlp.Export, bytes | None]:
    """What a request brings, and its JSON where that can be kept as it is.  Raises Refused."""
    body = read_body(request, (otlp.PROTOBUF, otlp.JSON))
    export = otlp.read(body, content_type)
    return export, body if content_type == otlp.JSON and not export.rejected else None


def type_of(request: HttpRequest) -> str:
    """The media type that a request says."""
    return str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def read_body(request: HttpRequest, types: Sequence[str]) -> bytes:
    """A POST's body of one of these types, decompressed.  Raises Refused."""
    if request.method != "POST":
        raise otlp.Refused(405, "spans are sent by POST")
    if type_of(request) not in types:
        raise otlp.Refused(415, f"send {' or '.join(types)}")
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise otlp.Refused(413, f"more than {MAX_BODY} bytes")
    return otlp.decompress(body, request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower())


def take(export: otlp.Export, body: bytes | None) -> None:
    """Raises Refused where too much waits."""
    collector().rejected += export.rejected
    if export.spans and not collector().take(export.spans, body):
        raise otlp.Refused(503, "more comes than can be written; come again")


def refuse(refused: otlp.Refused, content_type: str) -> HttpResponse:
    """The answer, in the type of the request where that is one of OTLP's."""
    if content_type != otlp.PROTOBUF:
        content_type = otlp.JSON
    body = otlp.failure(refused.status, str(refused), content_type)
    response = HttpResponse(body, status=refused.status, content_type=content_type)
    if refused.status == 405:
        response["Allow"] = "POST"
    if refused.status == 503:
        response["Retry-After"] = "1"
    return response
