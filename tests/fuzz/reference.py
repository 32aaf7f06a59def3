"""A second reader of HTTP/1.1, as slow, plain and strict as RFC 9112's grammar, to compare with.

It shares nothing with paceline's, and takes a request only where there is one way to read it.
What it does not take may still be good HTTP that is refused here, never the other way round.
"""

import re
from collections.abc import Iterator

TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
FIELDS = rb"(?:%b:%b\r\n)*" % (TOKEN, VALUE)
HEAD = re.compile(rb"(?:\r\n)*(%b) ([!\"$-~]+) HTTP/1\.([0-9])\r\n(%b)\r\n" % (TOKEN, FIELDS))
FIELD = re.compile(rb"(%b):(%b)\r\n" % (TOKEN, VALUE))
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
EXTENSION = rb"[\t ]*;[\t ]*%b(?:[\t ]*=[\t ]*(?:%b|%b))?" % (TOKEN, TOKEN, QUOTED)
SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:%b)*\r\n" % EXTENSION)
TRAILERS = re.compile(FIELDS + rb"\r\n")


def read(data: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Give method, target and body of each request, up to what is not whole or not clear."""
    at = 0
    while match := HEAD.match(data, at):
        framed = length_of(match[4], old=match[3] == b"0")
        found = None
        if isinstance(framed, int):
            body = data[match.end() : match.end() + framed]
            if len(body) == framed:
                found = body, match.end() + framed
        elif framed == "chunked":
            found = _chunks(data, match.end())
        if found is None:
            return
        body, at = found
        yield match[1].decode(), match[2].decode(), body


def length_of(fields: bytes, old: bool) -> int | str:
    """The body's length, ``chunked``, or something else where that is not clear."""
    said: dict[bytes, list[bytes]] = {}
    for name, value in FIELD.findall(fields):
        said.setdefault(name.lower(), []).append(value.strip(b"\t "))
    lengths, codings = said.get(b"content-length", []), said.get(b"transfer-encoding", [])
    if not lengths and not codings:
        return 0
    if not codings and len(lengths) == 1 and re.fullmatch(rb"[0-9]+", lengths[0]):
        return int(lengths[0]) if len(lengths[0]) < 19 else "too long"
    if [each.lower() for each in codings] == [b"chunked"] and not lengths and not old:
        return "chunked"
    return "not clear"


def _chunks(data: bytes, at: int) -> tuple[bytes, int] | None:
    body = b""
    while match := SIZE.match(data, at):
        size, at = int(match[1], 16), match.end()
        if not size:
            trailers = TRAILERS.match(data, at)
            return (body, trailers.end()) if trailers else None
        if data[at + size : at + size + 2] != b"\r\n":
            return None
        body, at = body + data[at : at + size], at + size + 2
    return None
