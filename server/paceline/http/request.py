"""Bytes of a request's head → RequestHead, or an error that carries its status.

Whole-line operations that run in C do the work, and a line that was seen before is not looked at
again.  A CR or LF that is not a line's end is left within a line, where ``isprintable`` sees it as
it sees every other control character.
"""

from ipaddress import AddressValueError, IPv6Address

from paceline.errors import (
    BadRequest,
    FieldsTooLarge,
    NotImplementedByServer,
    URITooLong,
    VersionNotSupported,
)
from paceline.http.grammar import ABSOLUTE_FORM, CONTROL, HOST, HTTP_VERSION, OWS, TOKEN
from paceline.limits import Limits

# Caches are emptied when they are full: an attacker who fills them costs a parse, not memory.
CACHE_SIZE = 1024
CACHED_LINE = 256  # longer lines are seldom the same twice

# Lines are remembered for these names alone: they come with the same value again and again,
# and none holds a secret, which must not outlive its request.
REPEATING = frozenset(
    "accept accept-encoding accept-language cache-control connection content-type dnt host pragma "
    "sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site "
    "sec-fetch-user te upgrade-insecure-requests user-agent x-forwarded-for x-forwarded-host "
    "x-forwarded-port x-forwarded-proto x-real-ip".split()
)

# A field that comes twice is one list (RFC 9110, 5.3), joined by this; these are not lists,
# and two of them are two opinions about one thing.
JOINED_BY = {"cookie": "; "}
SINGLETONS = frozenset({"host", "content-length", "content-type", "authorization", "expect"})

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
VERSIONS = frozenset({"HTTP/1.1", "HTTP/1.0"})


class RequestHead:
    """A request line and its fields, understood.

    ``fields`` maps lower-case names to values, repeated fields joined.  ``underscored`` holds the
    fields whose name has an underscore: in an environ such a name looks like another field's,
    so they stand apart for a policy to decide.  ``path`` and ``query`` are still encoded.
    """

    method: str
    target: str
    version: str
    path: str
    query: str
    fields: dict[str, str]
    underscored: list[tuple[str, str]] | None = None

    @property
    def request_line(self) -> str:
        """Return method, target and version."""
        return f"{self.method} {self.target} {self.version}"

    @property
    def uri(self) -> str:
        """Return the target under the name that gunicorn's hooks know."""
        return self.target

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the fields as gunicorn's hooks know them, names in upper case."""
        return [(name.upper(), value) for name, value in self.fields.items()]


def parse_head(raw: bytes, limits: Limits) -> RequestHead:
    """Parse a head given without the empty line that ends it.

    Raises a RequestError: 400, 414, 431, 501 or 505 (RFC 9112, 2 to 5).
    """
    lines = raw.decode("latin-1").split("\r\n")
    if len(raw) > limits.smallest or len(lines) > limits.request_fields:
        _check_sizes(raw, lines, limits)
    method, target, version = parse_request_line(lines[0])
    del lines[0]
    head = RequestHead()  # up to Python 3.12 an __init__ would cost as much again
    head.method = method
    head.target = target
    head.path, _, head.query = target.partition("?")
    head.version = version
    fields = head.fields = {}
    for line in lines:
        pair = _known_lines.get(line)
        if pair is None:
            pair = _parse_line(line)
            if "_" in pair[0]:
                head.underscored = [*(head.underscored or ()), pair]
                continue
        name, value = pair
        if name in fields:
            value = _join(name, fields[name], value)
        fields[name] = value
    if target[0] != "/":
        _understand_target(head)
    host = fields.get("host")
    if host not in _known_hosts:
        _check_host(host, version)
    return head


def parse_request_line(line: str) -> tuple[str, str, str]:
    """Parse ``method SP request-target SP HTTP-version`` (RFC 9112, 3)."""
    try:
        method, target, version = line.split(" ")
    except ValueError:
        raise BadRequest("The request line is not 'METHOD TARGET HTTP/1.1'.") from None
    if version not in VERSIONS:
        version = _other_version(version)
    if method not in METHODS:
        _check_method(method)
    if not target or not target.isascii() or not target.isprintable() or "#" in target:
        raise BadRequest("The request target is empty or has a character that is not allowed.")
    return method, target, version


# --- what a common request never reaches ------------------------------------------------------


def _check_sizes(raw: bytes, lines: list[str], limits: Limits) -> None:
    longest = limits.request_line
    if longest and len(lines[0]) > longest:
        raise URITooLong(f"The request line is longer than {longest} bytes.")
    if len(lines) - 1 > limits.request_fields:
        raise FieldsTooLarge(f"More than {limits.request_fields} header fields.")
    longest = limits.request_field_size
    if longest and len(raw) > longest:
        for line in lines[1:]:
            if len(line) > longest:
                raise FieldsTooLarge(f"A header field is longer than {longest} bytes.")


def _other_version(version: str) -> str:
    match = HTTP_VERSION.fullmatch(version)
    if match is None:
        raise BadRequest("The request line does not end with HTTP/1.1 or HTTP/1.0.")
    if match[1] != "1":
        raise VersionNotSupported(f"{version} is not spoken here; HTTP/1.1 and HTTP/1.0 are.")
    return "HTTP/1.1"  # a higher minor version is served as the highest known (RFC 9110, 2.5)


def _check_method(method: str) -> None:
    if method == "CONNECT":
        raise NotImplementedByServer("CONNECT is for proxies; this is an origin server.")
    if not TOKEN.fullmatch(method):
        raise BadRequest("The method is not a token.")


_known_names: dict[str, str] = {}
_known_lines: dict[str, tuple[str, str]] = {}
_known_hosts: set[str | None] = set()


def _parse_line(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    lowered = _known_names.get(name)
    if lowered is None:
        # A space before the colon and a folded line (obs-fold) end here: SP is no tchar.
        if not TOKEN.fullmatch(name):
            raise BadRequest("A header field's name is not a token.")
        lowered = name.lower()
        if len(_known_names) >= CACHE_SIZE:
            _known_names.clear()
        if len(name) <= CACHED_LINE:
            _known_names[name] = lowered
    if not colon:
        raise BadRequest("A header field without a colon.")
    if not value.isprintable() and CONTROL.search(value):
        raise BadRequest("A control character, or a CR or LF alone, in a header field.")
    pair = lowered, value.strip(OWS)
    if lowered in REPEATING and len(line) <= CACHED_LINE:
        if len(_known_lines) >= CACHE_SIZE:
            _known_lines.clear()
        _known_lines[line] = pair
    return pair


def _join(name: str, first: str, second: str) -> str:
    if name in SINGLETONS:
        raise BadRequest(f"More than one {name.title()} field.")
    return first + JOINED_BY.get(name, ", ") + second


def _check_host(host: str | None, version: str) -> None:
    if host is None:
        if version == "HTTP/1.1":
            raise BadRequest("An HTTP/1.1 request without a Host field.")
        return
    if not is_host(host):
        raise BadRequest("The Host field is not a host with an optional port.")
    if len(_known_hosts) >= CACHE_SIZE:
        _known_hosts.clear()
    if len(host) <= CACHED_LINE:
        _known_hosts.add(host)


def is_host(text: str) -> bool:
    """Tell whether ``text`` is a host with an optional port, or empty (RFC 9110, 7.2)."""
    match = HOST.fullmatch(text)
    if match is None or match[1] is None:
        return match is not None
    try:
        IPv6Address(match[1])
    except AddressValueError:
        return False
    return True


def _understand_target(head: RequestHead) -> None:
    """Every form but origin-form (RFC 9112, 3.2)."""
    if head.target == "*" and head.method == "OPTIONS":
        head.path = ""  # the server as a whole; an environ's path starts with "/" or is empty
        return
    match = ABSOLUTE_FORM.fullmatch(head.target)
    if match is None:
        raise BadRequest("The request target is neither a path nor an http URL.")
    authority, path, query = match.groups()
    if not is_host(authority):
        raise BadRequest("The request target's host is not a host with an optional port.")
    if "host" not in head.fields and head.version == "HTTP/1.1":
        raise BadRequest("An HTTP/1.1 request without a Host field.")
    if not is_host(head.fields.get("host", "")):
        raise BadRequest("The Host field is not a host with an optional port.")
    head.fields["host"] = authority  # the target's authority replaces Host (RFC 9112, 3.2.2)
    # A URL without a path is one of "/", but asks OPTIONS of the server (RFC 9110, 4.2.3).
    root = "" if head.method == "OPTIONS" and query is None else "/"
    head.path, head.query = path or root, query or ""
