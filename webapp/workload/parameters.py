"""Whole numbers in a query string, within bounds."""

import re
from dataclasses import dataclass

from django.http import QueryDict


class BadParameterError(ValueError):
    """A parameter is not what it must be; the message is for the client."""


@dataclass(frozen=True)
class Whole:
    """A whole number, 0 to `high`, with what holds where it is left out."""

    default: int
    high: int
    meaning: str

    def read(self, query: QueryDict, name: str) -> int:
        """The value of `name`. Raises BadParameterError past the bounds or for a non-number."""
        value = query.get(name, str(self.default))
        # int() alone would take "1_000", " 7" and "٣".
        if not re.fullmatch("[0-9]{1,12}", value) or int(value) > self.high:
            raise BadParameterError(
                f"{name} must be a whole number from 0 to {self.high}, not {value[:40]!r}"
            )
        return int(value)
