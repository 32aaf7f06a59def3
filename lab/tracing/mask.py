"""Hides what is secret before it leaves the process: passwords, tokens, cookies.

What is secret is told from names, in any case (is_secret): those of fields of a head, of parameters
of a URL, of fields of a form or of JSON.  A value is replaced by ``***`` whatever its length; all
else stays, byte for byte.  Where something is cut off or malformed, rather too much is hidden.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from lab.tracing.mask_bodies import mask_body
from lab.tracing.secret_names import MASK, is_secret, mask_values

__all__ = ["mask_body", "mask_head", "mask_query", "mask_target", "mask_variable"]

SCHEME = re.compile(rb"(?:Basic|Bearer|Digest|Negotiate|Token|ApiKey) +", re.IGNORECASE)
"""Of Authorization: stays, since it is no secret and says what was tried."""

COOKIE_ATTRIBUTE = re.compile(
    rb"\s*(?:expires|max-age|domain|path|secure|httponly|samesite|partitioned|priority)\s*(?:=.*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Of Set-Cookie: what stays behind the first pair."""

FIELD = re.compile(rb"\n([^:\n]+):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)")
PARAMETER = re.compile(
    rb"(?:[?&;#]|%(?:3F|26|3B|23))((?:(?!%(?:3F|26|3B|23|3D))[^=?&;#\s])++)(?:=|%3D)", re.IGNORECASE
)
"""Of a URL, or of one that is a parameter of another, as when it says where to go next."""
PARAMETER_VALUE = re.compile(rb"[^&\s]*")
USER = re.compile(rb"(?<=://)[^/?#\s]*@")


def mask_head(head: bytes) -> bytes:
    """A head of a request or an answer, whole or cut off.

    Of cookies the names stay, of Set-Cookie also the attributes, of Authorization the scheme.
    """
    pieces, done = [], 0
    for field in FIELD.finditer(head):
        if masked := field_mask(field[1]):
            value = field[2].removesuffix(b"\r")
            start = field.start(2)
            pieces += [head[done:start], masked(value)]
            done = start + len(value)
    return mask_urls(b"".join([*pieces, head[done:]]))


def mask_target(target: str) -> str:
    """A request's target or a URL: its parameters, and a user that stands before its host."""
    return as_text(mask_urls, target)


def mask_query(query: str) -> str:
    """The part of a URL behind the question mark."""
    return as_text(mask_parameters, query)


def mask_variable(name: str, value: str) -> str:
    """One value of a WSGI environ."""
    return as_text(variable_mask(name), value)


@lru_cache(1024)
def variable_mask(name: str) -> Callable[[bytes], bytes]:
    """What hides what is secret in a variable of the environ."""
    if name == "QUERY_STRING":
        return mask_parameters
    field = name.removeprefix("HTTP_").replace("_", "-")
    return field_mask(field.encode("utf-8", "surrogatepass")) or mask_urls


def is_secret_variable(name: str) -> bool:
    """Whether a variable's value is hidden whatever it is."""
    return variable_mask(name) not in (mask_parameters, mask_urls)


def as_text(mask: Callable[[bytes], bytes], text: str) -> str:
    """What a mask of bytes makes of a text, whatever characters it has."""
    return mask(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


@lru_cache(1024)
def field_mask(name: bytes) -> Callable[[bytes], bytes] | None:
    """What hides the value of a field; None where nothing in it is secret by its name."""
    match name.strip().lower():
        case b"cookie" | b"cookie2":
            return mask_cookies
        case b"set-cookie" | b"set-cookie2":
            return mask_set_cookie
    return mask_credentials if is_secret(name) else None


def mask_cookies(value: bytes) -> bytes:
    """The value of Cookie."""
    return b";".join(map(mask_cookie, value.split(b";")))


def mask_cookie(pair: bytes) -> bytes:
    """One cookie; without a name it is all value."""
    name, equals, _ = pair.partition(b"=")
    if equals:
        return name + equals + MASK
    return pair[: len(pair) - len(pair.lstrip())] + MASK if pair.strip() else pair


def mask_set_cookie(value: bytes) -> bytes:
    """The value of Set-Cookie."""
    pair, *rest = value.split(b";")
    kept = (piece if COOKIE_ATTRIBUTE.fullmatch(piece) else b" " + MASK for piece in rest)
    return b";".join([mask_cookie(pair), *kept])


def mask_credentials(value: bytes) -> bytes:
    """The value of Authorization or of a field such as X-Api-Key."""
    scheme = SCHEME.match(value)
    return (scheme[0] if scheme else b"") + MASK


def mask_urls(text: bytes) -> bytes:
    """Every URL in a text."""
    if b"=" in text:
        text = mask_values(text, PARAMETER, PARAMETER_VALUE, is_secret_parameter)
    return USER.sub(MASK + b"@", text) if b"://" in text else text


def mask_parameters(query: bytes) -> bytes:
    """The part of a URL behind the question mark."""
    return mask_urls(b"?" + query)[1:]


def is_secret_parameter(name: bytes) -> bool:
    """Whether a parameter of a URL is secret: there, ``key`` alone is one too."""
    return is_secret(name) or name.lower() == b"key"
