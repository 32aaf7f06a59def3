"""A line of the access log: gunicorn's atoms, compiled once into a list of functions.

Nothing that a client sends can end a line, close a quotation or reach a terminal as a control
character: all but printable ASCII is written as ``\\xNN``, quotation mark and backslash with a
backslash before them, as Apache does it.
"""

import base64
import binascii
import os
import re
import time
from collections.abc import Callable
from types import SimpleNamespace

from paceline.observe.access_json import json_line
from paceline.observe.record import Record

DEFAULT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'

Atom = Callable[[Record], str | int]

_SPECIFIER = re.compile(r"%\((?P<atom>[^()]*)\)(?P<shape>[-+ #0]*[0-9]*(?:\.[0-9]+)?[a-z])|%%|%")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")


def escape(text: str) -> str:
    """Make ``text`` harmless in one line, between quotation marks too."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _variable(key: str, missing: str = "-") -> Atom:
    def atom(record: Record) -> str:
        return escape(str(record.environ.get(key, missing)))

    return atom


def _nothing(_: Record) -> str:
    return "-"


def _process(_: Record) -> str:
    return f"<{os.getpid()}>"


def _address(record: Record) -> str:
    return escape(str(record.environ.get("REMOTE_ADDR") or "-"))


def _waited(record: Record) -> str | int:
    return "-" if record.waited is None else int(record.waited * 1_000_000)


def _user(record: Record) -> str:
    scheme, _, credentials = str(record.environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "basic":
        return "-"
    try:
        name = base64.b64decode(credentials.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return "-"
    return escape(name.decode("latin-1")) or "-"


_last_time = (0, "")


def _time(record: Record) -> str:
    """The start in the Common Log Format, made once a second."""
    global _last_time
    second = int(record.started)
    known, text = _last_time
    if known != second:
        text = time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(second))
        _last_time = (second, text)
    return text


ATOMS: dict[str, tuple[Atom, str]] = {
    "h": (_address, "address of the client, or of the proxy in front"),
    "l": (_nothing, "always `-`"),
    "u": (_user, "user name of HTTP Basic authentication"),
    "t": (_time, "when the request arrived, such as `[23/Nov/2026:18:00:00 +0000]`"),
    "r": (lambda record: escape(record.request_line) or "-", "request line"),
    "m": (_variable("REQUEST_METHOD"), "method"),
    "U": (_variable("PATH_INFO"), "path without the query"),
    "q": (_variable("QUERY_STRING", ""), "query without the `?`"),
    "H": (_variable("SERVER_PROTOCOL"), "protocol"),
    "s": (lambda record: escape(record.status.partition(" ")[0]) or "-", "status code"),
    "B": (lambda record: record.body_bytes, "bytes of the answer's body"),
    "b": (lambda record: record.body_bytes or "-", "the same, `-` for none"),
    "f": (_variable("HTTP_REFERER"), "Referer"),
    "a": (_variable("HTTP_USER_AGENT"), "User-Agent"),
    "T": (lambda record: int(record.duration), "duration in whole seconds"),
    "M": (lambda record: int(record.duration * 1_000), "duration in whole milliseconds"),
    "D": (lambda record: int(record.duration * 1_000_000), "duration in microseconds"),
    "L": (lambda record: f"{record.duration:.6f}", "duration in seconds, with six decimals"),
    "p": (_process, "process id"),
    "Q": (lambda record: int(record.queue * 1_000_000), "part of %(D)s: until a thread was free"),
    "W": (_waited, "microseconds from X-Request-Start of a trusted proxy, until a thread was free"),
}
"""Each atom, with what the README says of it."""


def _request_field(name: str) -> Atom:
    key = name.upper().replace("-", "_")
    return _variable(key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}")


def _response_field(name: str) -> Atom:
    wanted = name.lower()

    def atom(record: Record) -> str:
        for field, value in record.response_headers:
            if field.lower() == wanted:
                return escape(value)
        return "-"

    return atom


def _environ_entry(name: str) -> Atom:
    def atom(record: Record) -> str:
        environ = record.environ
        return escape(str(environ.get(name, environ.get(name.upper(), "-"))))

    return atom


NAMED = {"i": _request_field, "o": _response_field, "e": _environ_entry}
"""What ``{name}i`` and its like are made by."""


def compile_format(text: str) -> Callable[[Record], str]:
    """Turn a format into a function; ``json`` is one too.  ValueError says what it cannot hold."""
    if text == "json":
        return json_line
    atoms: list[Atom] = []

    def take(match: re.Match[str]) -> str:
        if match[0] == "%":
            raise ValueError(f"%% stands alone at {text[match.start() :][:12]!r}; write %% for it")
        if match["atom"] is None:
            return match[0]
        atoms.append(_atom(match["atom"]))
        return "%" + match["shape"]

    template = _SPECIFIER.sub(take, text)

    def line(record: Record) -> str:
        return template % tuple([atom(record) for atom in atoms])

    _try(line)
    return line


def _atom(name: str) -> Atom:
    if name in ATOMS:
        return ATOMS[name][0]
    match = re.fullmatch(r"\{([^{}]+)\}([ioe])", name)
    if match:
        return NAMED[match[2]](match[1])
    raise ValueError(
        f"there is no atom %({name})s; there are {' '.join(ATOMS)} {{x}}i {{x}}o {{x}}e"
    )


def _try(line: Callable[[Record], str]) -> None:
    """Find a conversion that does not fit, such as %(h)d, now and not at the first request."""
    sample = SimpleNamespace(
        environ={},
        request_line="",
        status="",
        response_headers=[],
        body_bytes=0,
        started=0.0,
        duration=0.0,
        queue=0.0,
        waited=None,
    )
    try:
        line(sample)
    except (TypeError, ValueError) as error:
        raise ValueError(f"cannot be written: {error}") from None
