"""Hides what is secret in a body, of which only the beginning may be there."""

import json
import re

from lab.tracing.secret_names import MASK, is_secret, mask_values

FORM_NAME = re.compile(rb"(?:\A|(?<=[&;]))([^=&;]+)=")
FORM_VALUE = re.compile(rb"[^&]*")

# A form in HTML may ask for text/plain: a field a line.
LINE_NAME = re.compile(rb"^([^=\s]+)=", re.MULTILINE)
LINE_VALUE = re.compile(rb"[^\r\n]*")

# A text ends with its quote, or where it was cut off.  Possessive: nothing is tried twice.
QUOTED = rb'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)'
STRING = re.compile(QUOTED, re.DOTALL)
BRACKET_OR_STRING = re.compile(rb"[\[\]{}]|" + QUOTED, re.DOTALL)
WIDE = re.compile(rb"\s*(?:\xff\xfe|\xfe\xff|.?\x00)", re.DOTALL)
"""Begins JSON in UTF-16 or UTF-32, which Python's json.loads takes too."""
COLON = re.compile(rb"\s*:\s*")
LITERAL = re.compile(rb"[^,\]}\s]*")
JSON_START = re.compile(rb'\s*[\[{]\s*["\[{]')

BOUNDARY = re.compile(r'\bboundary\s*=\s*"?([^";]+)', re.IGNORECASE)
PART_NAME = re.compile(rb"\bname\*?\s*=\s*(?:" + QUOTED + rb"|([^\s;]*))", re.IGNORECASE)
PART_HEAD_END = re.compile(rb"\r?\n\r?\n")

ATTRIBUTE_VALUE = rb"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))"""
INPUT = re.compile(rb"<(?:input|meta)\b(?:[^>\"']++|" + ATTRIBUTE_VALUE + rb")*+", re.IGNORECASE)
ATTRIBUTE = re.compile(
    rb"\b(name|id|type|value|content)\s*=\s*(" + ATTRIBUTE_VALUE + rb"|[^\s\"'>]+)", re.IGNORECASE
)


def mask_body(body: bytes, content_type: str, coding: str = "") -> bytes:
    """Hides values of fields named like a password: of forms, of JSON, of inputs in HTML.

    A body with a ``coding`` (Content-Encoding) cannot be looked into and is left out as a whole.
    """
    if not body:
        return body
    if coding.strip().lower() not in ("", "identity"):
        return f"({len(body)} bytes in the coding {coding}, in which nothing is masked)".encode()
    kind = content_type.partition(";")[0].strip().lower()
    if "json" in kind and WIDE.match(body):
        return f"({len(body)} bytes, not in UTF-8, in which nothing is masked)".encode()
    if kind.startswith("multipart/"):
        return mask_multipart(body, content_type)
    # By its looks too: curl -d calls everything a form.
    if "json" in kind or JSON_START.match(body):
        return mask_json(body)
    if kind in ("application/x-www-form-urlencoded", ""):
        return mask_values(body, FORM_NAME, FORM_VALUE)
    if kind == "text/plain":
        return mask_values(body, LINE_NAME, LINE_VALUE)
    return INPUT.sub(mask_input, body) if "html" in kind else body


def mask_multipart(body: bytes, content_type: str) -> bytes:
    """Hides the contents of parts with a secret name."""
    named = BOUNDARY.search(content_type)
    first_line = body.lstrip().partition(b"\n")[0].rstrip()
    delimiter = b"--" + named[1].strip().encode("latin-1", "replace") if named else first_line
    parts = re.split(rb"((?:\A|\r?\n)" + re.escape(delimiter) + rb")", body)
    return b"".join(map(mask_part, parts))


def mask_part(part: bytes) -> bytes:
    """One part of a multipart body, with its head."""
    end = PART_HEAD_END.search(part)
    if end is None:
        return part
    names = PART_NAME.finditer(part, 0, end.start())
    if any(is_secret((name[1] or name[2] or b"").replace(b"\\", b"")) for name in names):
        return part[: end.end()] + MASK
    if JSON_START.match(part, end.end()):
        return part[: end.end()] + mask_json(part[end.end() :])
    return part


def mask_json(body: bytes) -> bytes:
    """Hides the values behind secret keys; also whole objects and lists."""
    pieces, done, position = [], 0, 0
    while key := STRING.search(body, position):
        position = key.end()
        colon = COLON.match(body, position)
        if colon and is_secret(unescaped(key[1])):
            pieces += [body[done : colon.end()], b'"', MASK, b'"']
            done = position = end_of_value(body, colon.end())
    return b"".join([*pieces, body[done:]])


def unescaped(key: bytes) -> bytes:
    """A key of JSON without its escapes."""
    if b"\\" not in key:
        return key
    try:
        return str(json.loads(b'"' + key + b'"')).encode("utf-8", "surrogatepass")
    except ValueError:
        return key.replace(b"\\", b"")


def end_of_value(body: bytes, start: int) -> int:
    """Where a value of JSON ends."""
    if body[start : start + 1] not in (b"{", b"["):
        value = STRING.match(body, start) or LITERAL.match(body, start)
        return value.end() if value else start
    depth = 0
    for token in BRACKET_OR_STRING.finditer(body, start):
        if token[0] in (b"{", b"["):
            depth += 1
        elif token[0] in (b"}", b"]"):
            depth -= 1
        if depth == 0:
            return token.end()
    return len(body)


def mask_input(tag: re.Match[bytes]) -> bytes:
    """An input (or a meta) whose name, id or type is secret, without its value.

    One that was cut off could still say so.
    """
    attributes = list(ATTRIBUTE.finditer(tag[0]))
    marks = [a[2].strip(b"\"'") for a in attributes if a[1].lower() in (b"name", b"id", b"type")]
    if tag.end() < len(tag.string) and not any(map(is_secret, marks)):
        return tag[0]
    return ATTRIBUTE.sub(mask_attribute, tag[0])


def mask_attribute(attribute: re.Match[bytes]) -> bytes:
    """One attribute of such a tag."""
    name, value = attribute[1].lower(), attribute[2]
    if name not in (b"value", b"content"):
        return attribute[0]
    quote = value[:1] if value[:1] in (b'"', b"'") else b""
    return attribute[0][: -len(value)] + quote + MASK + quote
