"""From what a person wrote to a value: the plain kinds.

A parser takes the text of a command line or variable, or the Python value of a configuration
file.  It raises ValueError with the end of a sentence that begins with the setting's name.
"""

import contextlib
import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from paceline.settings import cpus
from paceline.settings.declare import Parse

T = TypeVar("T")

Hook = Callable[..., object]


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    if not value.strip():
        raise ValueError("is empty")
    if "\0" in value:
        raise ValueError(f"{value!r} holds a NUL character")
    return value.strip()


def boolean(value: object) -> bool:
    word = str(value).strip().lower()
    if word in {"true", "yes", "on", "1", "y"}:
        return True
    if word in {"false", "no", "off", "0", "n"}:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def whole_number(least: int = 0, most: int | None = None) -> Parse[int]:
    def parse(value: object) -> int:
        number = _whole(value)
        if number < least:
            raise ValueError(f"{number} is too small: at least {least}")
        if most is not None and number > most:
            raise ValueError(f"{number} is too large: at most {most}")
        return number

    return parse


MOST_WORKERS = 1024  # more than any machine has CPUs; a slip beyond it would exhaust the system


def worker_count(value: object) -> int:
    """A number of processes, or ``auto``."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return cpus.granted()
    try:
        return whole_number(1, MOST_WORKERS)(value)
    except ValueError as error:
        raise ValueError(f"{error}; auto fits it to the CPUs") from None


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # int() alone would take "1_000" and the digits of every script too.
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    raise ValueError(f"{value!r} is not a whole number")


def seconds(value: object) -> float:
    """A time of 0 seconds or more; a fraction is welcome."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain and not (isinstance(value, str) and re.fullmatch(r"-?[0-9.]+", value.strip())):
        raise ValueError(f"{value!r} is not a number of seconds")
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a number of seconds")
    if number < 0:
        raise ValueError(f"{value} is too small: at least 0 seconds")
    return number


def size(value: object) -> int:
    """A number of bytes; K, M and G stand for powers of 1024."""
    match = re.fullmatch(r"\s*([0-9]{1,15})([KMGkmg]?)\s*", str(value))
    if not match or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number of bytes such as 65536 or 10M")
    power = " KMG".index(match[2].upper() or " ")
    return int(match[1]) * int(1024**power)


def bit_mask(value: object) -> int:
    """A file mode mask: ``022`` and ``0o22`` are octal, ``0x12`` hexadecimal, ``18`` decimal."""
    mask = value
    if isinstance(value, str):
        digits = value.strip()
        with contextlib.suppress(ValueError):
            mask = int(digits, 8 if re.fullmatch("0[0-7]+", digits) else 0)
    if isinstance(mask, int) and not isinstance(mask, bool) and 0 <= mask <= 0o777:
        return mask
    raise ValueError(f"{value!r} is not a file mode mask such as 022")


class OneOf:
    """One word of a few; ``instead`` names the nearest for words known from elsewhere."""

    def __init__(self, *choices: str, instead: Mapping[str, str] | None = None) -> None:
        self.choices = choices
        self.instead = instead or {}

    def __call__(self, value: object) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in self.choices:
            return word
        if word in self.instead:
            raise ValueError(f"{value!r} is not paceline's; the nearest is {self.instead[word]!r}")
        raise ValueError(f"{value!r} is not one of: {', '.join(self.choices)}")


def many(item: Parse[T], separator: str = "") -> Parse[tuple[T, ...]]:
    """A parser for a list of ``item``; where there is a separator, text may hold several."""

    def parse(value: object) -> tuple[T, ...]:
        if isinstance(value, str):
            value = [part for part in value.split(separator) if part] if separator else [value]
        if not isinstance(value, list | tuple | set | frozenset):
            raise ValueError(f"{value!r} is not a list")
        return tuple(item(part) for part in value)

    return parse


def assignment(value: object) -> str:
    """``NAME=VALUE`` for the environment."""
    if isinstance(value, str) and re.match(r"[^=\0]+=[^\0]*\Z", value):
        return value
    raise ValueError(f"{value!r} is not of the form NAME=VALUE")


def text_by_name(value: object) -> Mapping[str, str]:
    """A dictionary from field names, made upper case, to texts."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a dictionary")
    return {text(name).upper(): text(entry) for name, entry in value.items()}


def dictionary(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a dictionary")
    return dict(value)


def hook(*arguments: str, fewest: int | None = None) -> Parse[Hook]:
    """A parser for functions that take ``arguments``, or at least the ``fewest`` first of them."""

    def parse(value: object) -> Hook:
        if not callable(value):
            raise ValueError(f"{value!r} is not a function")
        for count in range(len(arguments), (fewest or len(arguments)) - 1, -1):
            if _takes(value, count):
                return value if count == len(arguments) else _with_first(value, count)
        raise ValueError(f"must take these arguments: {', '.join(arguments)}")

    return parse


def _takes(function: Hook, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def _with_first(function: Hook, count: int) -> Hook:
    return lambda *given: function(*given[:count])
