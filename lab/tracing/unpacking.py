"""What packing.py has packed → spans; in the collector."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.tracing import names
from lab.tracing.names import Hop
from lab.tracing.recording import Attributes, ServerPart
from lab.tracing.span import INTERNAL, SERVER, Event, Span, Value, hex_id

WRONG = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of a batch that is none."""
MILLISECOND = 0.001
"""In which a proxy counts."""
OCTETS = (names.REQUEST_HEAD, names.REQUEST_BODY, names.RESPONSE_HEAD, names.RESPONSE_BODY)
LONGEST_WAIT = 60.0
"""Seconds; a request that says it was sent earlier is not believed."""


def unpack(body: bytes) -> list[Span]:
    """The spans of one request body.  Raises ValueError, with the reason, where it is none."""
    try:
        document = json.loads(body)
        return [span for each in document["recordings"] for span in _Unpacked.of(each, document)]
    except WRONG as error:
        raise ValueError(f"not a batch of recordings: {error!r}") from error


@dataclass
class _Unpacked:
    """One recording, and what is known of its process."""

    trace_id: str
    parent_id: str
    status: str
    error: str | None
    lost: int
    attributes: Attributes
    spans: list[list[Any]]
    environ: Mapping[str, str]
    octets: list[str] | None
    document: Mapping[str, Any]

    @classmethod
    def of(cls, packed: list[Any], document: Mapping[str, Any]) -> Iterator[Span]:
        """The spans of a recording as json.loads() gives it."""
        trace_id, parent_id, status, error, lost, *said = packed
        attributes, spans, environ, part, octets = said
        one = cls(
            hex_id(trace_id, 32),
            hex_id(parent_id, 16) if parent_id else "",
            status,
            error,
            lost,
            attributes,
            spans,
            environ,
            octets,
            document,
        )
        return one.unpack(ServerPart(*part) if part else one.unknown_server())

    def unpack(self, part: ServerPart) -> Iterator[Span]:
        """The server's spans, then the application's."""
        part = self._since_the_proxy(part)
        spans = list(self._server(part))
        yield from spans
        called = [span for span in spans if span.name == "application"]
        yield from self._application((called or spans)[0].span_id)

    def unknown_server(self) -> ServerPart:
        """A server that has no hooks: what its application sees is all there is."""
        software = self.environ.get("SERVER_SOFTWARE") or "server"
        _, start, end, *_ = self.spans[0]
        unknown = [f"anything but the application: {software} has no hooks for it"]
        return ServerPart(
            software.partition("/")[0].lower(),
            start,
            end,
            [("application", start, end)],
            [],
            {names.UNKNOWN: unknown},
            self.error,
        )

    def _since_the_proxy(self, part: ServerPart) -> ServerPart:
        """Of a server that cannot tell its queue: the time since the proxy sent the request."""
        try:
            seconds = float(self.environ["HTTP_X_REQUEST_START"].removeprefix("t="))
            sent = int(seconds * 1e9) - self.document["offset"]
        except (KeyError, ValueError, OverflowError):
            return part
        if any(step == "queue" for step, *_ in part.steps):
            return part
        if not 0 <= part.start - sent < LONGEST_WAIT * 1e9:
            return part
        steps = [("queue", sent, part.start), *part.steps]
        attributes = {**part.attributes, names.UNCERTAINTY: MILLISECOND}
        return part._replace(start=sent, steps=steps, attributes=attributes)

    def _server(self, part: ServerPart) -> Iterator[Span]:
        request = self._of_request()
        resource: Attributes = {
            "service.name": _text(part.software),
            "process.pid": int(self.document["pid"]),
        }
        if self.document.get("dropped"):
            resource["wsgilab.dropped"] = int(self.document["dropped"])
        whole = Span(
            self.trace_id,
            _new_id(),
            self.parent_id,
            _text(f"{request['http.request.method']} {request['url.path']}"),
            *self._times(part.start, part.end),
            {names.HOP: Hop.SERVER, **request, **_values(part.attributes), **self._octets()},
            [Event(self._time(moment), _text(what)) for what, moment in part.events],
            SERVER,
            None if part.error is None else _text(part.error),
            resource,
        )
        yield whole
        for step, start, end in part.steps:
            said: Attributes = {names.HOP: Hop.SERVER}
            if step == "queue" and names.UNCERTAINTY in part.attributes:
                said[names.UNCERTAINTY] = MILLISECOND
            times = self._times(start, end)
            yield Span(
                self.trace_id,
                _new_id(),
                whole.span_id,
                _text(step),
                *times,
                said,
                resource=resource,
            )

    def _application(self, above: str) -> Iterator[Span]:
        ids = [_new_id() for _ in self.spans]
        latest = max((span[2] for span in self.spans), default=0)
        resource: Attributes = {
            "service.name": _text(self.document["application"]),
            "process.pid": int(self.document["pid"]),
        }
        for span_id, (name, start, end, parent, attributes, error) in zip(
            ids, self.spans, strict=True
        ):
            yield Span(
                self.trace_id,
                span_id,
                ids[parent] if parent >= 0 else above,
                _text(name),
                *self._times(start, end or latest),
                {names.HOP: Hop.APPLICATION, **_values(attributes)},
                (),
                INTERNAL,
                None if error is None else _text(error),
                resource,
            )

    def _of_request(self) -> Attributes:
        """A server span's attributes by the conventions, from the environ."""
        environ = self.environ
        said: Attributes = {
            "http.request.method": environ.get("REQUEST_METHOD", ""),
            "url.path": environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            "url.scheme": environ.get("wsgi.url_scheme", ""),
            "network.protocol.version": environ.get("SERVER_PROTOCOL", "").removeprefix("HTTP/"),
            names.SOFTWARE: environ.get("SERVER_SOFTWARE", ""),
            "url.query": environ.get("QUERY_STRING", ""),
            "server.address": environ.get("HTTP_HOST", "").rpartition(":")[0]
            or environ.get("HTTP_HOST", ""),
            "client.address": environ.get("REMOTE_ADDR", ""),
            "user_agent.original": environ.get("HTTP_USER_AGENT", ""),
        }
        said = {name: _text(value) for name, value in said.items() if value}
        code = self.status[:3]
        if code.isdecimal():
            said["http.response.status_code"] = int(code)
        if self.error or code[:1] == "5":
            said["error.type"] = _text(self.error or code)
        if self.lost:
            said["wsgilab.spans.lost"] = int(self.lost)
        if self.document.get("bytes"):
            said[names.ENVIRON] = json.dumps(environ)
        return {"http.request.method": "", "url.path": "", **said, **_values(self.attributes)}

    def _octets(self) -> Attributes:
        said = zip(OCTETS, self.octets or (), strict=False)
        return {name: _text(octets) for name, octets in said if octets}

    def _times(self, start: int, end: int) -> tuple[int, int]:
        return self._time(start), self._time(end)

    def _time(self, moment: int) -> int:
        return int(moment) + int(self.document["offset"])


def _new_id() -> str:
    return os.urandom(8).hex()


def _values(attributes: Mapping[Any, Any] | None) -> Attributes:
    """Attributes that OTLP can hold; whatever is something else becomes its text."""
    return {_text(name): _value(value) for name, value in (attributes or {}).items()}


def _value(value: Any) -> Value:
    match value:
        case str():
            return _text(value)
        case bool():
            return value
        case int() if -(2**63) <= value < 2**63:
            return value
        case float() if math.isfinite(value):
            return value
        case list():
            return [_text(each) for each in value]
        case _:
            return _text(value)


def _text(value: Any) -> str:
    """A text that can be encoded; JSON may say half of a surrogate pair."""
    return str(value).encode("utf-8", "replace").decode()
