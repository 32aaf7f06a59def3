"""A request as it goes out: its bytes, and where they go."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

from lab.tracing.context import TraceContext, new_id

PORTS = {"http": 80, "https": 443}
AGENT = "wsgi-lab"

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
TARGET_SAFE = "".join(map(chr, range(0x21, 0x7F)))
"""Goes out as it was given: whoever asks for odd bytes shall see what becomes of them."""

Header = tuple[str, str | None]
"""A field's name and value; None: leave out what would be sent by itself."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the span that it is for the client."""

    method: str
    url: str
    scheme: str
    host: str
    port: int
    head: bytes
    body: bytes
    context: TraceContext
    parent_id: str

    @classmethod
    def make(cls, method: str, url: str, headers: Iterable[Header], body: bytes) -> "Request":
        """Raises ValueError, with the reason, for what cannot be sent."""
        if not TOKEN.fullmatch(method):
            raise ValueError(f"{method!r} is no method")
        given = list(headers)
        scheme, host, port, target, user = split_url(url)
        context, parent_id, traceparent = continue_trace(given)
        authority = f"[{host}]" if ":" in host else host
        fields: dict[str, str] = {
            "Host": authority if port == PORTS[scheme] else f"{authority}:{port}",
            "User-Agent": AGENT,
            "Accept": "*/*",
        }
        if user:
            fields["Authorization"] = f"Basic {base64.b64encode(user).decode()}"
        if body or method in ("POST", "PUT", "PATCH"):
            fields["Content-Length"] = str(len(body))
        fields["traceparent"] = traceparent
        head = write_head(f"{method} {target} HTTP/1.1", fields, given)
        return cls(method, url, scheme, host, port, head, body, context, parent_id)


def split_url(url: str) -> tuple[str, str, int, str, bytes]:
    """Scheme, host, port, target, and the user with password if there is one.

    Raises ValueError.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in PORTS or not host:
        raise ValueError(f"{url!r} is no URL of http:// or https://")
    if not host.isascii():
        host = host.encode("idna").decode()
    target = quote(parts.path or "/", TARGET_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, TARGET_SAFE)
    user = unquote_to_bytes(parts.netloc.rpartition("@")[0])
    return parts.scheme, host, port or PORTS[parts.scheme], target, user


def continue_trace(headers: list[Header]) -> tuple[TraceContext, str, str]:
    """The client's own span, its parent (or empty), and the traceparent to send.

    A valid traceparent among the headers, whose place ours then takes, is the parent.  A malformed
    one goes out as it is: whoever receives it restarts the trace.
    """
    values = [value for name, value in headers if name.lower() == "traceparent"]
    parent = TraceContext.parse(values[0] or "") if len(values) == 1 else None
    if parent is None:
        context = TraceContext.new()
        return context, "", str(context)
    headers[:] = [pair for pair in headers if pair[0].lower() != "traceparent"]
    context = TraceContext(parent.trace_id, new_id(8), parent.flags)
    return context, parent.span_id, str(context)


def write_head(line: str, fields: Mapping[str, str], given: Iterable[Header]) -> bytes:
    """The head: what would be sent by itself, where nobody gave another, then what was given.

    Raises ValueError for a name or value that would not stay one field.
    """
    given = list(given)
    names = {name.lower() for name, _ in given}
    own = [(name, value) for name, value in fields.items() if name.lower() not in names]
    lines = [line]
    for name, value in own + [(name, value) for name, value in given if value is not None]:
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            raise ValueError(f"{name!r}: {value!r} cannot be sent as a field")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
