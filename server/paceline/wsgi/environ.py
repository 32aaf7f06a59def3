"""A request's head → the environ (PEP 3333, "environ Variables"; RFC 3875, 4.1).

What never changes for a listener is in a template that is copied; the rest is a handful of
assignments.  Forwarded fields pass only from peers that are trusted.
"""

import logging
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from paceline import __version__
from paceline.errors import BadRequest
from paceline.http.grammar import STRAY_PERCENT
from paceline.http.request import RequestHead
from paceline.wsgi.file_wrapper import FileWrapper

Environ = dict[str, Any]

log = logging.getLogger("paceline.error")

SOFTWARE = f"paceline/{__version__}"
CACHE_SIZE = 1024


PROXY_FIELDS = frozenset(
    "forwarded x-forwarded-by x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-prefix "
    "x-forwarded-proto x-forwarded-protocol x-forwarded-server x-forwarded-ssl x-real-ip".split()
)
"""What proxies say of the client they speak for; applications tend to believe it unasked."""


@dataclass(frozen=True)
class Forwarding:
    """What to believe of whom; gunicorn's and waitress's settings of the same names."""

    secure_scheme_headers: Mapping[str, str] = field(
        default_factory=lambda: {
            "x-forwarded-protocol": "ssl",
            "x-forwarded-proto": "https",
            "x-forwarded-ssl": "on",
        }
    )
    forwarder_headers: frozenset[str] = frozenset({"script_name", "path_info"})
    header_map: str = "drop"
    """Fields with an underscore in their name: drop, refuse, or dangerous (let them through)."""
    clear_untrusted_proxy_headers: bool = True
    """Whether the application never sees what a peer that is not trusted says as a proxy."""
    scheme_fields: frozenset[str] = field(init=False)
    """The names in ``secure_scheme_headers``."""
    cleared: frozenset[str] = field(init=False)
    """The names that only a trusted peer may use."""
    told: list[str] = field(default_factory=list, init=False)
    """The first peer whose fields were cleared: the log tells of it once."""

    def __post_init__(self) -> None:
        """Derive what is looked up for each request."""
        object.__setattr__(self, "scheme_fields", frozenset(self.secure_scheme_headers))
        cleared = PROXY_FIELDS | self.scheme_fields if self.clear_untrusted_proxy_headers else ()
        object.__setattr__(self, "cleared", frozenset(cleared))


PER_REQUEST = (
    "REQUEST_METHOD PATH_INFO QUERY_STRING REQUEST_URI RAW_URI SERVER_PROTOCOL REMOTE_ADDR "
    "REMOTE_PORT wsgi.input"
).split()


class _Keys(dict[str, str]):
    """Lower-case field names → environ keys, learned as they come."""

    def __missing__(self, name: str) -> str:
        if len(self) >= CACHE_SIZE:
            self.clear()
        key = self[name] = _FIXED_KEYS.get(name) or "HTTP_" + name.upper().replace("-", "_")
        return key


_FIXED_KEYS = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_keys = _Keys()


def template(
    local: tuple[str, str], secure: bool, multithread: bool, multiprocess: bool
) -> Environ:
    """Return what every request on a listener has in common, and room for what it has not."""
    host, port = local
    environ: Environ = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if secure else "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "SERVER_SOFTWARE": SOFTWARE,
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": port or ("443" if secure else "80"),
        "SCRIPT_NAME": "",
        **dict.fromkeys(PER_REQUEST, ""),
    }
    # These 21 keys fill a table; with one more it grows.  A copy keeps the table, so that of a
    # request need not grow for its fields.
    environ["HTTP_"] = ""
    del environ["HTTP_"]
    return environ


def build(
    base: Environ,
    head: RequestHead,
    body: IO[bytes],
    peer: tuple[str, str],
    forwarding: Forwarding,
    trusted: bool,
) -> Environ:
    """Return the environ of one request; ``trusted`` tells whether its peer is a known proxy.

    Raises BadRequest for fields that contradict each other.
    """
    path = head.path
    if "%" in path:
        if STRAY_PERCENT.search(path):
            raise BadRequest("A per cent sign in the path without two hexadecimal digits.")
        path = unquote_to_bytes(path).decode("latin-1")
    environ = base.copy()
    environ["REQUEST_METHOD"] = head.method
    environ["PATH_INFO"] = path
    environ["QUERY_STRING"] = head.query
    environ["REQUEST_URI"] = environ["RAW_URI"] = head.target
    environ["SERVER_PROTOCOL"] = head.version
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer
    environ["wsgi.input"] = body
    fields = head.fields
    for name, value in fields.items():
        environ[_keys[name]] = value
    if "proxy" in fields:  # libraries would take it for theirs (CVE-2016-5385)
        del environ["HTTP_PROXY"]
    if trusted:
        if not forwarding.scheme_fields.isdisjoint(fields):
            _apply_scheme(environ, fields, forwarding.secure_scheme_headers)
    elif not forwarding.cleared.isdisjoint(fields):
        _clear(environ, forwarding.cleared.intersection(fields), peer[0], forwarding.told)
    if head.underscored:
        _apply_underscored(environ, head.underscored, forwarding, trusted)
    return environ


def say_length(environ: Environ, length: int) -> None:
    """Describe a chunked body as what it has become: one of known length (RFC 9112, 7.1.3)."""
    environ["CONTENT_LENGTH"] = str(length)
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def _clear(environ: Environ, names: Iterable[str], peer: str, told: list[str]) -> None:
    for name in names:
        environ.pop(_keys[name], None)
    if not told:
        told.append(peer)
        log.warning(
            "%s is not in forwarded_allow_ips, so the application does not see its %s; "
            "if it is your proxy, name it there (said once)",
            *(peer, ", ".join(sorted(names))),
        )


def _apply_scheme(environ: Environ, fields: Mapping[str, str], headers: Mapping[str, str]) -> None:
    said = ""
    for name, secure in headers.items():
        if name in fields:
            scheme = "https" if fields[name].lower() == secure else "http"
            if said and scheme != said:
                raise BadRequest("The proxy's fields contradict each other about the scheme.")
            said = scheme
    environ["wsgi.url_scheme"] = said


def _apply_underscored(
    environ: Environ, fields: list[tuple[str, str]], forwarding: Forwarding, trusted: bool
) -> None:
    for name, value in fields:
        if trusted and name in forwarding.forwarder_headers:
            _apply_forwarder_header(environ, name.upper(), value)
        elif forwarding.header_map == "refuse":
            raise BadRequest("A header field's name has an underscore.")
        elif forwarding.header_map == "dangerous" and (
            trusted or name.replace("_", "-") not in forwarding.cleared
        ):
            environ["HTTP_" + name.upper().replace("-", "_")] = value


def _apply_forwarder_header(environ: Environ, key: str, value: str) -> None:
    if key == "SCRIPT_NAME":
        path = environ["PATH_INFO"]
        rest = path[len(value) :]
        if not path.startswith(value) or (value and rest and not rest.startswith("/")):
            raise BadRequest("The path is not beneath the proxy's SCRIPT_NAME.")
        environ["PATH_INFO"] = rest
    environ[key] = value
