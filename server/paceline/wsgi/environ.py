"""A request's head → the environ (PEP 3333, "environ Variables"; RFC 3875, 4.1).

What never changes for a listener is in a template that is copied; the rest is a handful of
assignments.  What a proxy may say of its client is ``Forwarding``'s to decide.
"""

import sys
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from paceline import __version__
from paceline.errors import BadRequest
from paceline.http.grammar import STRAY_PERCENT
from paceline.http.request import RequestHead
from paceline.wsgi.file_wrapper import FileWrapper
from paceline.wsgi.forwarding import PROXY_PREFIX, Forwarding
from paceline.wsgi.keys import KEYS

Environ = dict[str, Any]

SOFTWARE = f"paceline/{__version__}"

PER_REQUEST = (
    "REQUEST_METHOD PATH_INFO QUERY_STRING REQUEST_URI RAW_URI SERVER_PROTOCOL REMOTE_ADDR "
    "REMOTE_PORT wsgi.input"
).split()


def template(
    local: tuple[str, str], secure: bool, multithread: bool, multiprocess: bool
) -> Environ:
    """Return what all requests on a listener have in common, with the keys that differ empty."""
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
    # A dict's table is full with these 21 keys, and every copy would have to grow for its first
    # header field.  So let the template grow: a copy keeps the size of the table.
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
    environ = base.copy()
    environ["REQUEST_METHOD"] = head.method
    environ["PATH_INFO"] = _decoded(path) if "%" in path else path
    environ["QUERY_STRING"] = head.query
    environ["REQUEST_URI"] = environ["RAW_URI"] = head.target
    environ["SERVER_PROTOCOL"] = head.version
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer
    environ["wsgi.input"] = body
    fields = head.fields
    for name, value in fields.items():
        environ[KEYS[name]] = value
    if "proxy" in fields:  # libraries would take it for theirs (CVE-2016-5385)
        del environ["HTTP_PROXY"]
    if trusted:
        if not forwarding.scheme_fields.isdisjoint(fields):
            forwarding.apply_scheme(environ, fields)
    elif forwarding.cleared and (
        PROXY_PREFIX in "\n".join(fields) or not forwarding.cleared.isdisjoint(fields)
    ):
        forwarding.clear(environ, fields, peer[0])
    if head.underscored:
        forwarding.apply_underscored(environ, head.underscored, trusted)
    return environ


def _decoded(path: str) -> str:
    """Return the path's bytes as WSGI wants them: a str of latin-1.  Raises BadRequest."""
    if STRAY_PERCENT.search(path):
        raise BadRequest("A per cent sign in the path without two hexadecimal digits.")
    return unquote_to_bytes(path).decode("latin-1")


def say_length(environ: Environ, length: int) -> None:
    """Describe a chunked body as what it has become: one of known length (RFC 9112, 7.1.3)."""
    environ["CONTENT_LENGTH"] = str(length)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
