"""W3C Trace Context: whose part of which trace a request is (https://www.w3.org/TR/trace-context/).

traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
             │  trace-id                         parent-id        flags
             version
"""

import re
from dataclasses import dataclass
from random import getrandbits

SAMPLED = 0x01
RANDOM = 0x02

VERSION_00 = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
# Section 3.2.4: what a later version puts behind the flags is not known, and begins with "-".  No
# comma is in it: one stands between two fields of the name, which are one too many.
LATER = re.compile(r"(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-[^,]*)?")
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A trace and the span of it that is being worked on: 32 and 16 hex digits, 8 bits of flags."""

    trace_id: str
    span_id: str
    flags: int = SAMPLED

    @classmethod
    def new(cls, flags: int = SAMPLED | RANDOM) -> "TraceContext":
        """The first span of a new trace."""
        return cls(new_id(16), new_id(8), flags)

    @classmethod
    def parse(cls, traceparent: str) -> "TraceContext | None":
        """Reads the field's value; None where it is malformed, which restarts the trace."""
        if ids := parse_ids(traceparent):
            return cls(ids[0], ids[1], int(ids[2], 16))
        return None

    @property
    def sampled(self) -> bool:
        """Whether whoever began the trace may have recorded it, and asks others to."""
        return bool(self.flags & SAMPLED)

    def __str__(self) -> str:
        """The field's value, always in version 00; of the flags only those that it knows."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags & (SAMPLED | RANDOM):02x}"


def parse_ids(traceparent: str) -> tuple[str, ...] | None:
    """Trace id, parent id and flags as they stand in the field; None where it is malformed."""
    found = VERSION_00.fullmatch(traceparent) or LATER.fullmatch(traceparent)
    if found is None:
        return None
    ids = found.groups()
    return None if ids[0] == NO_TRACE or ids[1] == NO_SPAN else ids


def new_id(size: int) -> str:
    """A random id of ``size`` bytes in hex; never all zero, which the standard forbids.

    It has to be no other's, not to be a secret; a forked process has random bits of its own.
    """
    while not (bits := getrandbits(8 * size)):
        pass
    return f"{bits:0{2 * size}x}"
