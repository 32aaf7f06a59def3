"""Reads answers as a strict client does, from bytes that are all there."""

import re
from dataclasses import dataclass

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)")
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")


@dataclass(frozen=True)
class Answer:
    """One answer; field names in lower case, as they came otherwise."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        return self.fields.get("connection") == "close"


def read(data: bytes, to_head: bool = False) -> tuple[Answer, bytes]:
    """Return the first answer and what lies behind it.  Fails for what is no whole answer."""
    head, end, rest = data.partition(b"\r\n\r\n")
    assert end, f"no end of a head: {data!r}"
    first, *lines = head.split(b"\r\n")
    match = STATUS_LINE.fullmatch(first)
    assert match, f"not a status line: {first!r}"
    status = int(match[1])
    fields: dict[str, str] = {}
    for line in lines:
        field = FIELD_LINE.fullmatch(line)
        assert field, f"not a field line: {line!r}"
        name = field[1].decode().lower()
        assert name not in fields or name == "set-cookie", f"twice: {name}"
        fields[name] = field[2].decode("latin-1")
    body, rest = _body(status, fields, rest, to_head)
    return Answer(status, fields, body), rest


def _body(status: int, fields: dict[str, str], rest: bytes, to_head: bool) -> tuple[bytes, bytes]:
    if to_head or status < 200 or status in (204, 304):
        return b"", rest
    if fields.get("transfer-encoding") == "chunked":
        assert "content-length" not in fields
        return _chunks(rest)
    if "content-length" in fields:
        length = int(fields["content-length"])
        assert len(rest) >= length, f"{len(rest)} bytes of a body of {length}"
        return rest[:length], rest[length:]
    assert fields.get("connection") == "close", "an answer whose end nobody can see"
    return rest, b""


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        match = CHUNK.match(data)
        assert match, f"not a chunk: {data[:40]!r}"
        size = int(match[1], 16)
        chunk, data = data[match.end() :][:size], data[match.end() + size :]
        assert len(chunk) == size, "a chunk cut short"
        assert data.startswith(b"\r\n"), "no end of a chunk"
        data = data[2:]
        if not size:
            return body, data
        body += chunk


def read_all(data: bytes) -> list[Answer]:
    """Return every answer in ``data``, none of them to a HEAD."""
    found: list[Answer] = []
    while data:
        answer, data = read(data)
        found.append(answer)
    return found
