"""What became of a head on its way: the same one before and behind a proxy, compared."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.tracing.head import Field, split_head

REQUEST_LINE, STATUS_LINE = "request line", "status line"
"""The name of the change of a head's first line; no field has a space in its name."""


class Kind(StrEnum):
    """What became of a line."""

    SAME = "same"
    ADDED = "added"
    CHANGED = "changed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a head: its value before and after, empty on the side where it is missing.

    ``name`` is spelt as it is after, or before where it was dropped.
    """

    kind: Kind
    name: str
    before: str
    after: str


def changes(before: bytes, after: bytes) -> list[Change]:
    """Each line of either head once: in the order of ``before``, then what was added.

    Names count as the same in any case.  Of a repeated field, equal values belong together, then
    the first to the first.
    """
    line, fields = split_head(before)
    new_line, new_fields = split_head(after)
    name = STATUS_LINE if (line or new_line).startswith("HTTP/") else REQUEST_LINE
    kind = Kind.SAME if line == new_line else Kind.CHANGED
    return [Change(kind, name, line, new_line), *compare(fields, new_fields)]


def compare(before: Sequence[Field], after: Sequence[Field]) -> Iterator[Change]:
    """The changes of the fields."""
    partners = pair(before, after)
    for index, (name, value) in enumerate(before):
        if index in partners:
            new_name, new_value = after[partners[index]]
            kind = Kind.SAME if value == new_value else Kind.CHANGED
            yield Change(kind, new_name, value, new_value)
        else:
            yield Change(Kind.DROPPED, name, value, "")
    taken = set(partners.values())
    for index, (name, value) in enumerate(after):
        if index not in taken:
            yield Change(Kind.ADDED, name, "", value)


def pair(before: Sequence[Field], after: Sequence[Field]) -> dict[int, int]:
    """Which field of ``after`` each of ``before`` became, by index."""
    partners: dict[int, int] = {}
    # What stayed as it was is nobody else's partner, so those are found first.
    for alike in (name_and_value, name_alone):
        free: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)
        taken = set(partners.values())
        for index, field in enumerate(after):
            if index not in taken:
                free[alike(field)].append(index)
        for index, field in enumerate(before):
            if index not in partners and free[alike(field)]:
                partners[index] = free[alike(field)].popleft()
    return partners


def name_and_value(field: Field) -> tuple[str, str]:
    """A field as two are the same."""
    return field[0].lower(), field[1]


def name_alone(field: Field) -> tuple[str, str]:
    """A field as two are the same but for their values."""
    return field[0].lower(), ""
