"""JSON as recordings are packed: short, in ASCII, and fast for what is small."""

import json
from collections.abc import Callable, Iterable
from typing import Any


def by_class(value: object) -> str:
    """An object that JSON has nothing for, by its class."""
    kind = type(value)
    return f"<{kind.__module__}.{kind.__qualname__}>"


def dumps(value: Any) -> str:
    """A value as JSON."""
    return "".join(_pieces(value, 0))


def _encoder() -> Callable[[Any, int], Iterable[str]]:
    # json has CPython's encoder in C made anew for each text; other Pythons have none.
    if make := getattr(json.encoder, "c_make_encoder", None):
        quote = json.encoder.encode_basestring_ascii
        made: Callable[[Any, int], Iterable[str]]
        made = make(None, by_class, quote, None, ":", ",", False, False, True)
        return made
    return json.JSONEncoder(separators=(",", ":"), default=by_class).iterencode  # type: ignore[return-value]


_pieces = _encoder()
