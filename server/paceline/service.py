"""What all conversations of a worker share: the application, the limits, and the current state."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

from paceline.balance import Place
from paceline.exchange import Exchange
from paceline.limits import Limits, Timeouts
from paceline.observe.observation import Crowd, Observer
from paceline.observe.record import Record
from paceline.observe.tally import Tally
from paceline.wsgi.disk import Disk
from paceline.wsgi.forwarding import Forwarding
from paceline.wsgi.gateway import Application

if TYPE_CHECKING:
    from paceline.ending import Ending
    from paceline.sender import Sender


class AccessLog(Protocol):
    """Takes a line for each exchange."""

    def write(self, record: Record) -> None:
        """Log it."""


class Peers(Protocol):
    """Addresses that are trusted with something."""

    def __contains__(self, address: str, /) -> bool:
        """Tell whether this one is."""


@dataclass(slots=True)
class Service:
    """See the module; ``paceline.server`` makes one from the configuration."""

    application: Application
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    forwarding: Forwarding = field(default_factory=Forwarding)
    trusted: Peers = frozenset({"127.0.0.1", "::1", ""})
    """Addresses of the proxies whose word is taken; empty: a peer on a Unix socket."""
    access_log: AccessLog | None = None
    place: Place | None = None
    """The worker's slot in the table of connection counts (balance.py); None: it is alone."""
    health_path: str = ""
    """The path that the server answers by itself; empty: none."""
    sendfile: bool = True
    proxy_versions: frozenset[int] = frozenset()
    """Versions of the PROXY protocol of which one must begin a connection; empty: none."""
    proxy_peers: Peers = frozenset()
    """Addresses of those who speak it."""
    max_connections: int = 1000
    max_threads: int = 0
    """0: as many as the model thinks right."""
    max_requests: int = 0
    """After so many requests the worker is replaced.  0: never."""
    multiprocess: bool = False
    before_request: Callable[[Exchange], object] | None = None
    after_request: Callable[[Exchange], object] | None = None
    observer: Observer | None = None
    """Told all about the requests that it wants to know of."""
    tally: Tally | None = None
    """Counts the exchanges that are over; None without ``--stats``."""
    heartbeat: Callable[[], None] = lambda: None
    """To be called at least once a second while requests can be taken up."""

    timed: bool = field(init=False)
    """Whether times are taken: for the access log, or the tally."""

    # Set by the concurrency model, or changed by it while the worker runs.
    hold: int = 0
    """Bytes of an answer that are kept for a slow client before the application has to wait."""
    keep_alive: float = field(init=False)
    """Seconds that an idle connection has; shorter while the worker drains."""
    kept: Callable[["Sender"], object] = lambda sender: None
    """Called when a client did not take all that was sent, and the rest is kept."""
    beat: Callable[[], object] = lambda: None
    """Called about once a second by a thread that waits for a slow client."""
    keeps_connections: bool = True
    """Whether a connection stays open after an answer; not so while the worker drains."""
    crowd: Callable[[], Crowd] = lambda: Crowd(1, 0, 0)
    """Returns how many threads are busy (this one too) and idle, and how many requests wait."""
    closing: Callable[["Ending"], None] = lambda conversation: None
    """Called before a conversation closes its connection."""
    served: int = 0
    draining: bool = False
    """Whether the worker is to end once what is in flight is done."""
    short_of_threads: bool = False
    """Whether requests have waited for a second, and no thread could be had for them."""
    disk: Disk = field(init=False)
    """The disk space that request bodies take."""

    def __post_init__(self) -> None:
        """Derive the rest; a timeout of 0, which means none, becomes infinite."""
        self.timed = self.access_log is not None or self.tally is not None
        self.timeouts = Timeouts(
            **{
                each.name: getattr(self.timeouts, each.name) or math.inf
                for each in fields(Timeouts)
            }
        )
        self.keep_alive = self.timeouts.keep_alive
        self.disk = Disk(self.limits.bodies_on_disk)
