"""A status and fields → the bytes of an answer's head.

What comes from the application is checked here, so that no CR, LF or other control character of a
value can ever become a line of its own (response splitting).
"""

from collections.abc import Iterable
from typing import Any

from paceline.errors import ApplicationError
from paceline.http.grammar import CONTROL, STATUS, TOKEN

CACHE_SIZE = 1024
CACHED_LINE = 256
CACHED_SECTION = 1024
MAX_LENGTH_DIGITS = 18

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# What concerns one connection is the server's to say, not the application's (PEP 3333,
# "Other HTTP Features"; RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    "transfer-encoding upgrade".split()
)

# Fields are remembered for these names alone, and whole heads that hold no others but the length:
# they are the same again and again.  None is a secret, which must not outlive its answer.
REPEATING = frozenset(
    "allow cache-control content-encoding content-language content-security-policy content-type "
    "cross-origin-opener-policy permissions-policy referrer-policy strict-transport-security vary "
    "x-content-type-options x-frame-options".split()
)
_LOOKED_AT = HOP_BY_HOP | {"content-length", "date", "server"}

_REPEATS = "*"  # no field name
_known_names: dict[str, str] = {}
_known_fields: dict[tuple[str, str], str] = {}
_known_heads: dict[tuple[Any, ...], "Head"] = {}


Head = tuple[int, bytes, bytes, int | None, bool, bool, bool]
"""What an application says of its answer: the code, the status line, the fields with a CRLF each,
and what the server must know of them: the Content-Length, whether the connection is to close,
whether there are a Date and a Server.  A plain tuple, since a named one takes longer to make than
all that is in it."""


def encode_head(status: str, headers: Iterable[tuple[str, str]]) -> Head:
    """Return status and fields as bytes, hop-by-hop fields left out.

    Raises ApplicationError where the status is none that an application can give, a name is no
    token, or a value no ``str`` of field characters.
    """
    try:
        given: tuple[Any, ...] = (status, *headers)
        known = _known_heads.get(given)
    except TypeError:
        raise ApplicationError(
            f"The headers {headers!r} are not a list of tuples of name and value."
        ) from None
    return known or _encode(status, given[1:])


def _encode(status: str, headers: tuple[tuple[str, str], ...]) -> Head:
    code, line = _status_line(status)
    lines: list[str] = []
    length: int | None = None
    closes = has_date = has_server = False
    repeats = True
    for field in headers:
        field_line, special = _look_at(field)
        repeats &= special in (_REPEATS, "content-length")
        if special == "content-length":
            length = _content_length(field[1], length)
        elif special == "date":
            has_date = True
        elif special == "server":
            has_server = True
        elif special in HOP_BY_HOP:
            closes |= special == "connection" and "close" in field[1].lower()
            continue
        lines.append(field_line)
    try:
        raw = "".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        raise ApplicationError(f"A header field is not latin-1: {error.object!r}") from None
    head = code, line, raw, length, closes, has_date, has_server
    if repeats and len(raw) <= CACHED_SECTION:
        if len(_known_heads) >= CACHE_SIZE:
            _known_heads.clear()
        _known_heads[status, *headers] = head
    return head


def _status_line(status: str) -> tuple[int, bytes]:
    match = STATUS.fullmatch(status) if isinstance(status, str) else None
    if match is None:
        raise ApplicationError(f"The status {status!r} is not like '200 OK'.")
    if status[0] == "1":
        raise ApplicationError(f"{status!r} is an interim status, which is the server's.")
    return int(match[1]), b"HTTP/1.1 " + status.encode("latin-1") + b"\r\n"


def _look_at(field: tuple[str, str]) -> tuple[str, str]:
    """Check a field; return its line, and what its name means to the server."""
    known = _known_fields.get(field)
    if known is not None:
        return known, _REPEATS
    if not isinstance(field, tuple) or len(field) != 2:
        raise ApplicationError(f"The header {field!r} is not a tuple of name and value.")
    name, value = field
    if not isinstance(value, str) or (not value.isprintable() and CONTROL.search(value)):
        raise ApplicationError(f"The value {value!r} of {name!r} is no str of field characters.")
    special = _known_names.get(name)
    if special is None:
        special = _learn_name(name)
    line = f"{name}: {value}\r\n"
    if special == _REPEATS and len(line) <= CACHED_LINE:
        if len(_known_fields) >= CACHE_SIZE:
            _known_fields.clear()
        _known_fields[field] = line
    return line, special


def _learn_name(name: str) -> str:
    """Return the lower-case name where the server looks at it, _REPEATS, or an empty string."""
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise ApplicationError(f"The field name {name!r} is not a token.")
    lowered = name.lower()
    special = _REPEATS if lowered in REPEATING else lowered if lowered in _LOOKED_AT else ""
    if len(_known_names) >= CACHE_SIZE:
        _known_names.clear()
    _known_names[name] = special
    return special


def _content_length(value: str, before: int | None) -> int:
    if not (value.isdecimal() and value.isascii()) or len(value) > MAX_LENGTH_DIGITS:
        raise ApplicationError(f"The Content-Length {value!r} is not a number of bytes.")
    if before is not None and before != int(value):
        raise ApplicationError(f"Two Content-Lengths: {before} and {value}.")
    return int(value)


def error_answer(status: str, text: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return the fields and the body of an answer that the server gives itself."""
    body = f"{status}\n\n{text}\n".encode()
    return [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))], body
