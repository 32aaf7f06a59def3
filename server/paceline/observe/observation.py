"""One request as it went through the server, for whoever wants to know: times, bytes, the thread.

A configuration file's hook ``observer(worker)`` returns an Observer.  Nothing of this runs, and
nothing is kept, for a worker without one.
"""

from typing import Any, NamedTuple, Protocol


class Observation:
    """Times are ``time.monotonic()``; 0.0: it did not happen."""

    # Set by whoever makes it, as those of an Answer are.
    environ: dict[str, Any]
    accepted: float
    """When the connection was."""
    number: int
    """Which request of its connection; the first is 1."""
    ready: float
    """When its first bytes were there to be read, as far as the poll can tell."""
    taken: float
    """When a thread had read those."""
    last_ready: float
    """The same for its last bytes, where they did not come at once."""
    last_taken: float
    head_read: float
    """When its head was whole."""
    read: float
    """When it was whole, with its body."""
    head: bytes
    """As received, without the empty line."""
    body: bytes
    """The beginning, without the framing of chunks."""
    called: float = 0.0
    """When the application was called; ``returned``: and its iterable closed."""
    responded: float = 0.0
    """When ``start_response`` was called, the last time."""
    first_sent: float = 0.0
    returned: float = 0.0
    last_sent: float = 0.0
    """When the last byte of the answer was handed to the system."""
    sent: list[bytes]
    """The beginning of the answer, head and body with its framing; see ``Observer.capture``."""
    sent_bytes: int = 0
    """All of it."""
    status: str = ""
    """Such as ``200 OK``."""
    complete: bool = False
    """Whether the client was given all of the answer."""
    keeps: bool = False
    """Whether its connection stayed open."""
    thread: str = ""
    thread_id: int = 0
    """The system's (gettid)."""
    cpu: float = 0.0
    """Seconds of CPU that the thread took from ``called`` to ``returned``."""
    busy: int = 0
    """Threads that served something when the application was called, this one among them."""
    waiting: int = 0
    """Threads that had nothing to do."""
    queued: int = 0
    """Requests that had no thread."""
    error: str = ""
    """The type of what the application raised."""


class Observer(Protocol):
    """Is told of requests.  Whatever it raises is logged, and that request goes on unobserved."""

    capture: int
    """Bytes of each body that are kept."""

    def wants(self, environ: dict[str, Any]) -> bool:
        """Tell whether to observe a request; called once it is whole, by the thread it has.

        It may put something into the environ.
        """

    def done(self, observation: Observation) -> None:
        """Take one that is over; called by a thread that has other requests to serve."""


class Crowd(NamedTuple):
    """How things stand in a worker."""

    busy: int
    waiting: int
    queued: int
