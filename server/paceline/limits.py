"""The bounds that every part of the server is handed, in two small frozen groups.

They are groups of their own so that a parser or a transport takes what it needs
and never sees the whole configuration.
"""

from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be.  Sizes are bytes; 0 means no limit where noted."""

    request_line: int = 4094
    """Longest request line without its CRLF; longer is answered 414.  0: no limit."""
    request_fields: int = 100
    """Most field lines in one head; more is answered 431."""
    request_field_size: int = 8190
    """Longest field line without its CRLF; longer is answered 431.  0: no limit."""
    request_body: int = 0
    """Longest body, decoded; longer is answered 413.  0: no limit."""
    body_in_memory: int = 1 << 20
    """A body past this goes to a temporary file."""
    answer_buffered: int = 1 << 20
    """What the poller holds for a slow client, past which the application's thread waits."""
    bodies_on_disk: int = 4 << 30
    """What the bodies in temporary files may take together; past it 503.  0: no limit."""
    minimum_rate: int = 500
    """Bytes a second that a client must send of a body, or take of an answer, on average once its
    time for two of them has passed.  0: no limit.  (Apache's mod_reqtimeout has 500, too.)"""

    smallest: int = field(init=False)
    """A head up to this many bytes has no line that is too long; the others are looked at."""

    request_head: int = field(init=False)
    """Most bytes of a head, whole or not; past them it is answered 431.

    Every field at its longest would be 800 KB, which no client needs and which a slow one could
    make a server look through again for every byte.
    """

    def __post_init__(self) -> None:
        """Derive what is looked up for each request."""
        lines = [bound for bound in (self.request_line, self.request_field_size) if bound]
        object.__setattr__(self, "smallest", min(lines, default=1 << 62))
        head = max(1 << 16, self.request_line + self.request_field_size + 6)
        object.__setattr__(self, "request_head", head)

    def at_least(self, began: float, count: int) -> float:
        """Return the time at which ``count`` bytes since ``began`` are the least there may be."""
        return began + count / self.minimum_rate if self.minimum_rate else inf


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a step may take.  All in seconds; 0 means no limit."""

    head: float = 30.0
    """From the first byte of a request, the first one also from the connection's beginning, to the
    end of its head; then 408, or nothing to a client that said nothing."""
    body: float = 30.0
    """Between two arrivals of a body's bytes; then 408."""
    keep_alive: float = 75.0
    """An idle connection after an answer; then it is closed.

    Longer than nginx keeps its own idle upstream connections (60 s), so that the proxy
    is the one that closes and never sends a request into a connection being closed.
    """
    send: float = 30.0
    """Between two moments at which the client took some of the answer; then it is closed."""
    graceful: float = 30.0
    """From the signal to stop until whatever is still in flight is given up."""
