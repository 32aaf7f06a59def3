"""What packing.py has packed → spans; in the collector."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.tracing import names, seen
from lab.tracing.context import new_id
from lab.tracing.environs import shown
from lab.tracing.names import Hop
from lab.tracing.recording import Attributes, RecordedSpan, ServerPart, read
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
        document, place = read_line(body, 0)
        if not isinstance(document, dict):
            raise ValueError("its first line is no object")
        spans: list[Span] = []
        while place < len(body):
            line, place = read_line(body, place)
            environ, place = read_line(body, place)
            *said, sizes = line
            blocks, place = read_blocks(body, place, sizes)
            spans += _Unpacked.of(said, environ, blocks, document)
        return spans
    except WRONG as error:
        raise ValueError(f"not a batch of recordings: {error!r}") from error


def read_line(body: bytes, place: int) -> tuple[Any, int]:
    """The JSON of a line, and where the next begins."""
    end = body.index(b"\n", place)
    return json.loads(body[place:end]), end + 1


def read_blocks(body: bytes, place: int, sizes: Iterable[int]) -> tuple[list[bytes], int]:
    """As many octets as each size says, and what comes behind them."""
    blocks = []
    for size in sizes:
        end = place + size
        if not place <= end <= len(body):
            raise ValueError(f"{size} octets are not there")
        blocks.append(body[place:end])
        place = end
    return blocks, place


def server_part(packed: list[Any]) -> ServerPart:
    """What the server has told, at length or in short."""
    return ServerPart(*packed) if isinstance(packed[0], str) else seen.part(packed)


@dataclass
class _Unpacked:
    """One recording, and what is known of its process."""

    trace_id: str
    parent_id: str
    status: str
    error: str | None
    lost: int
    attributes: Attributes
    spans: list[RecordedSpan]
    environ: Mapping[str, str]
    octets: list[bytes]
    document: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        said: list[Any],
        environ: Mapping[str, Any],
        octets: list[bytes],
        document: Mapping[str, Any],
    ) -> Iterator[Span]:
        """The spans of a recording, as pack() has written it."""
        trace_id, parent_id, status, error, lost, attributes, tape, details, part = said
        one = cls(
            hex_id(trace_id, 32),
            hex_id(parent_id, 16) if parent_id else "",
            status,
            error,
            lost,
            attributes,
            read(tape, {place: (of_span, failure) for place, of_span, failure in details}),
            {name: _shown(value) for name, value in environ.items()},
            octets,
            document,
        )
        return one.unpack(server_part(part) if part else one.unknown_server())

    def unpack(self, part: ServerPart) -> Iterator[Span]:
        """The server's spans, then the application's."""
        part = self._since_the_proxy(part)
        spans = list(self._server(part))
        yield from spans
        called = [span for span in spans if span.name == "application"]
        yield from self._application((called or spans)[0].span_id, part)

    def unknown_server(self) -> ServerPart:
        """A server that has no hooks: what its application sees is all there is."""
        software = self.environ.get("SERVER_SOFTWARE") or self._server_name()
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

    def _server_name(self) -> str:
        """As the lab calls it: not every server says SERVER_SOFTWARE."""
        return str(self.document.get("server") or "server")

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
            new_id(8),
            self.parent_id,
            _text(f"{request['http.request.method']} {request['url.path']}"),
            *self._times(part.start, part.end),
            {names.HOP: Hop.SERVER, **request, **_values(part.attributes), **self._octets()},
            [Event(self._time(moment), _text(what)) for what, moment in part.events if moment],
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
                new_id(8),
                whole.span_id,
                _text(step),
                *times,
                said,
                resource=resource,
            )

    def _application(self, above: str, part: ServerPart) -> Iterator[Span]:
        ids = [new_id(8) for _ in self.spans]
        latest = max((span[2] for span in self.spans), default=0)
        resource: Attributes = {
            "service.name": _text(self.document["application"]),
            "process.pid": int(self.document["pid"]),
        }
        for span_id, (name, start, end, parent, attributes, error) in zip(
            ids, self.spans, strict=True
        ):
            said = _values(attributes)
            if parent < 0 and names.CPU_TIME in part.attributes:  # where the server alone took it
                said.setdefault(names.CPU_TIME, _value(part.attributes[names.CPU_TIME]))
            yield Span(
                self.trace_id,
                span_id,
                ids[parent] if parent >= 0 else above,
                _text(name),
                *self._times(start, end or latest),
                {names.HOP: Hop.APPLICATION, **said},
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
        said = zip(OCTETS, self.octets, strict=False)
        return {name: octets.decode("latin-1") for name, octets in said if octets}

    def _times(self, start: int, end: int) -> tuple[int, int]:
        return self._time(start), self._time(end)

    def _time(self, moment: int) -> int:
        return int(moment) + int(self.document["offset"])


def _shown(value: Any) -> str:
    """A value of an environ as Python has it: in JSON a tuple is a list."""
    return shown(tuple(value) if isinstance(value, list) else value)


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
