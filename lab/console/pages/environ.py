"""How a head became the WSGI environ: which of its lines is under which key (PEP 3333)."""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.console.pages.reading import readable
from lab.tracing.head import split_head

REQUEST_LINE = "From the request line"
FIELDS = "From the fields"
CONNECTION = "From the connection, and what a trusted proxy says of it"
SERVER = "From the server itself"
OTHERS = "This server's own"
NOWHERE = "In the head, but under no key"
TITLES = (REQUEST_LINE, FIELDS, CONNECTION, SERVER, OTHERS, NOWHERE)

PARTS = {
    "REQUEST_METHOD": "method",
    "SCRIPT_NAME": "path: where the application is",
    "PATH_INFO": "path, percent-decoded",
    "QUERY_STRING": "query, as it came",
    "SERVER_PROTOCOL": "version",
    "RAW_URI": "target, as it came",
    "REQUEST_URI": "target, as it came",
}

BELIEVED = {
    "REMOTE_ADDR": ("x-forwarded-for", "forwarded", "x-real-ip"),
    "wsgi.url_scheme": ("x-forwarded-proto", "forwarded"),
}
"""Keys that a server takes from a field where it trusts the peer that sent it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the environ and where it is from; a line that is under no key has none."""

    source: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of one kind."""

    title: str
    entries: list[Entry]


def mapping(head: str, environ: Mapping[str, str]) -> list[Group]:
    """Every key of the environ once, by where it is from; then the fields that are under none."""
    _, fields = split_head(head.encode("latin-1", "replace"))
    names = {name.lower(): name for name, _ in fields}
    groups: dict[str, list[Entry]] = {title: [] for title in TITLES}
    under: set[str] = set()
    for key in environ:
        title, source = origin(key, names)
        groups[title].append(Entry(readable(source), key, readable(environ[key])))
        under.add(source.lower())
    groups[NOWHERE] = [
        Entry(readable(name), "", readable(value))
        for name, value in fields
        if name.lower() not in under
    ]
    return [Group(title, entries) for title, entries in groups.items() if entries]


def origin(key: str, names: Mapping[str, str]) -> tuple[str, str]:
    """The title of the group that a key belongs to, and the field or the part that it is of."""
    name = key.removeprefix("HTTP_").replace("_", "-").lower()
    if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        return FIELDS, names.get(name, name.title())
    if key in PARTS:
        return REQUEST_LINE, PARTS[key]
    if key in BELIEVED:
        believed = next((names[each] for each in BELIEVED[key] if each in names), "")
        return CONNECTION, f"the connection, or {believed}" if believed else "the connection"
    if key in ("REMOTE_PORT", "REMOTE_HOST", "SERVER_NAME", "SERVER_PORT"):
        return CONNECTION, "the connection"
    return (SERVER, "PEP 3333") if key.startswith("wsgi.") else (OTHERS, "")
