"""The head of a message as its lines."""

import re

Field = tuple[str, str]
"""Name and value, as they came; without the space around the value."""

LINE_END = re.compile(rb"\r?\n(?![ \t])")  # obs-fold (RFC 9112, 5.2) continues a field


def split_head(head: bytes) -> tuple[str, list[Field]]:
    """The first line and the fields, latin-1; the empty line at the end may be missing.

    A line without a colon becomes a field without a value: what is shown is what was there.
    """
    first, *lines = LINE_END.split(head)
    fields = (line.decode("latin-1").partition(":") for line in lines if line.strip())
    return first.decode("latin-1"), [(name, value.strip(" \t\r\n")) for name, _, value in fields]


def field(head: bytes, name: str) -> str:
    """The value of a field, several joined as RFC 9110 (5.3) joins them; empty where it is not."""
    return ", ".join(v for n, v in split_head(head)[1] if n.lower() == name.lower())
