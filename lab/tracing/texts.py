"""Heads and environs → JSON texts in which what is secret is masked; fast, for the servers' sake.

Most lines of a head, and most variables of an environ, come again with the next request.  Those in
which nothing was hidden are kept as they were made.
"""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from lab.tracing.mask import mask_head, mask_urls, mask_variable

CACHE_SIZE = 2048
LONGEST = 200  # characters; what is longer is seldom the same twice

PLAIN = (bool, int, tuple, type(None))
"""Types of values that are shown, and not their class."""

_lines: dict[bytes, str] = {}
_variables: dict[tuple[str, str], str] = {}
_objects: dict[tuple[str, type, object], str] = {}


name_json = lru_cache(CACHE_SIZE)(quote)
"""A name that comes again and again as a JSON string."""


def head_json(head: bytes) -> str:
    """A head of a request or an answer as a JSON string, one character for each byte."""
    if b"\n " in head or b"\n\t" in head:  # lines that go on
        return octets_json(mask_head(head))
    first, *lines = head.split(b"\r\n")
    texts = [_escaped(mask_urls(first)), *[_lines.get(line) or _line(line) for line in lines]]
    return '"' + "\\r\\n".join(texts) + '"'


def environ_json(environ: Mapping[str, object]) -> str:
    """A WSGI environ as a JSON object of strings; objects such as wsgi.input by their class."""
    texts = []
    for name, value in environ.items():
        if type(value) is str:
            texts.append(_variables.get((name, value)) or _variable(name, value))
        else:
            shown = value if type(value) in PLAIN else type(value)
            key = (name, type(value), shown)
            texts.append(_objects.get(key) or _object(key))
    return "{" + ",".join(texts) + "}"


def octets_json(octets: bytes) -> str:
    """Bytes as a JSON string, one character for each."""
    return quote(octets.decode("latin-1"))


def _escaped(octets: bytes) -> str:
    return octets_json(octets)[1:-1]


def _line(line: bytes) -> str:
    masked = mask_head(b"\n" + line)[1:]
    text = _escaped(masked)
    if masked == line:
        _keep(_lines, line, text)
    return text


def _variable(name: str, value: str) -> str:
    masked = mask_variable(name, value)
    text = f"{quote(name)}:{quote(masked)}"
    if masked == value:
        _keep(_variables, (name, value), text)
    return text


def _object(key: tuple[str, type, object]) -> str:
    name, kind, shown = key
    value = shown if kind in PLAIN else f"<{kind.__module__}.{kind.__qualname__}>"
    text = f"{quote(name)}:{quote(mask_variable(name, value))}"
    _keep(_objects, key, text)
    return text


def _keep(cache: dict[Any, str], key: Hashable, text: str) -> None:
    if len(text) < LONGEST:
        if len(cache) >= CACHE_SIZE:
            cache.clear()
        cache[key] = text
