"""Reads attributes, which anyone may have sent: of any type, of any size."""

import json
import math
from collections.abc import Mapping

from lab.tracing.span import Value

LONGEST = 200
"""Characters of a name that are shown."""


def text(attributes: Mapping[str, Value], name: str) -> str:
    """The attribute as text; empty where there is none."""
    value = attributes.get(name, "")
    return value if isinstance(value, str) else shown(value)


def number(attributes: Mapping[str, Value], name: str) -> float | None:
    """The attribute, where it is a number that one can count with."""
    value = attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def texts(attributes: Mapping[str, Value], name: str) -> list[str]:
    """The attribute's texts; one text alone counts as a list of one."""
    value = attributes.get(name, ())
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def table(attributes: Mapping[str, Value], name: str) -> dict[str, str]:
    """The attribute, where it is a JSON object; its values as texts."""
    try:
        found = json.loads(text(attributes, name))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()
    }


def shown(value: Value) -> str:
    """A value for people."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case int():
            return str(value)
        case _:
            return ", ".join(map(str, value))


def short(words: str, longest: int = LONGEST) -> str:
    """The beginning of a text that may be long, and hold anything."""
    return printable(words if len(words) <= longest else words[: longest - 1] + "…")


def printable(words: str) -> str:
    """A text in which what would not be seen, or would move what is seen, stands as in source."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in words)


def readable(octets: str) -> str:
    """Bytes, one character for each, as people can read them: UTF-8 where it is that."""
    try:
        return printable(octets.encode("latin-1").decode())
    except (UnicodeEncodeError, UnicodeDecodeError):
        return printable(octets)
