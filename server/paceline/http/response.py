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
CACHED_HEAD = 1024
MAX_LENGTH_DIGITS = 18  # below 2^63, as for requests

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

_REPEATS = ":"  # which no name can be
_known_names: dict[str, str] = {}
_known_statuses: dict[str, tuple[int, bytes]] = {}
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
    return known or _encode(given)


def _encode(given: tuple[Any, ...]) -> Head:
    code, line = _known_statuses.get(given[0]) or _status_line(given[0])
    lines: list[str] = []
    length: int | None = None
    closes = has_date = has_server = False
    repeats = type(given[0]) is str
    for field in given[1:]:
        field_line = _known_fields.get(field)
        if field_line is None:
            field_line, special = _look_at(field)
            if special == "content-length":
                length = _content_length(str.__str__(field[1]), length)
                repeats &= _is_exact(field)
            elif special != _REPEATS:
                repeats = False
                has_date |= special == "date"
                has_server |= special == "server"
                if special in HOP_BY_HOP:
                    closes |= special == "connection" and "close" in field[1].lower()
                    continue
        lines.append(field_line)
    try:
        raw = "".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        raise ApplicationError(f"A header field is not latin-1: {error.object!r}") from None
    head = code, line, raw, length, closes, has_date, has_server
    if repeats and len(raw) <= CACHED_HEAD:
        _remember(_known_heads, given, head)
    return head


def _remember(cache: dict[Any, Any], key: object, value: object) -> None:
    if len(cache) >= CACHE_SIZE:
        cache.clear()
    cache[key] = value


def _status_line(status: str) -> tuple[int, bytes]:
    match = STATUS.fullmatch(status) if isinstance(status, str) else None
    if match is None:
        raise ApplicationError(f"The status {status!r} is not like '200 OK'.")
    code = int(match[1])
    if code < 200:
        raise ApplicationError(f"{status!r} is an interim status, which is the server's.")
    line = code, b"HTTP/1.1 " + match[0].encode("latin-1") + b"\r\n"
    if type(status) is str:
        _remember(_known_statuses, status, line)
    return line


def _look_at(field: tuple[str, str]) -> tuple[str, str]:
    """Check a field; return its line, and its lower-case name where the server looks at that.

    Else _REPEATS, or an empty string.  Of a subclass of ``str`` only its text counts, whatever its
    methods say, and it is not remembered: it may equal what it is not.
    """
    if not isinstance(field, tuple) or len(field) != 2:
        raise ApplicationError(f"The header {field!r} is not a tuple of name and value.")
    name, value = field
    exact = _is_exact(field)
    if not exact and isinstance(name, str) and isinstance(value, str):
        name, value = str.__str__(name), str.__str__(value)
    if not isinstance(value, str) or (not value.isprintable() and CONTROL.search(value)):
        raise ApplicationError(f"The value {value!r} of {name!r} is no str of field characters.")
    special = _known_names.get(name)
    if special is None:
        special = _learn_name(name)
    line = f"{name}: {value}\r\n"
    if special == _REPEATS and exact and len(line) <= CACHED_LINE:
        _remember(_known_fields, field, line)
    return line, special if exact or special != _REPEATS else ""


def _is_exact(field: tuple[str, str]) -> bool:
    return type(field) is tuple and type(field[0]) is type(field[1]) is str


def _learn_name(name: str) -> str:
    """Return the lower-case name where the server looks at it, _REPEATS, or an empty string."""
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise ApplicationError(f"The field name {name!r} is not a token.")
    lowered = name.lower()
    special = _REPEATS if lowered in REPEATING else lowered if lowered in _LOOKED_AT else ""
    _remember(_known_names, name, special)
    return special


def _content_length(value: str, before: int | None) -> int:
    if not (value.isdecimal() and value.isascii()) or len(value) > MAX_LENGTH_DIGITS:
        raise ApplicationError(f"The Content-Length {value!r} is not a number of bytes.")
    if before is not None:  # even the same: nginx takes no answer with two of them
        raise ApplicationError(f"Two Content-Lengths: {before} and {value}.")
    return int(value)


def error_answer(status: str, text: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return the fields and the body of an answer that the server gives itself."""
    body = f"{status}\n\n{text}\n".encode()
    return [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))], body
