"""What all conversations of a worker share: the application, the bounds, and how things stand."""

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
    """Where the workers tell each other how many connections they have; None: it is alone."""
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
    """After so many the worker ends, to be replaced.  0: never."""
    multiprocess: bool = False
    before_request: Callable[[Exchange], object] | None = None
    after_request: Callable[[Exchange], object] | None = None
    observer: Observer | None = None
    """Told all about the requests that it wants to know of."""
    tally: Tally | None = None
    """Of the exchanges that are over, where somebody wants to know."""
    heartbeat: Callable[[], None] = lambda: None
    """To be called at least once a second while requests can be taken up."""

    timed: bool = field(init=False)
    """Whether anybody wants to know how long requests take."""

    # Set by the concurrency model.
    hold: int = 0
    """Bytes of an answer that may wait for a client while its application makes more."""
    keep_alive: float = field(init=False)
    """Seconds that an idle connection has; shorter while the worker drains."""
    kept: Callable[["Sender"], object] = lambda sender: None
    """Called when a client did not take all of what was sent while its application goes on."""
    beat: Callable[[], object] = lambda: None
    """Called about once a second by a thread that waits for its client."""
    keeps_connections: bool = True
    """Whether a connection stays open after an answer; not so while the worker drains."""
    crowd: Callable[[], Crowd] = lambda: Crowd(1, 0, 0)
    """Tells how things stand, this thread included."""
    closing: Callable[["Ending"], None] = lambda conversation: None
    """Called before a conversation closes its connection."""
    served: int = 0
    draining: bool = False
    """Whether the worker is to end once what is in flight is done."""
    short_of_threads: bool = False
    """Whether requests wait, and nobody can be sent for them."""
    disk: Disk = field(init=False)
    """What bodies take of it."""

    def __post_init__(self) -> None:
        """Turn "no limit" into what needs no case of its own."""
        self.timed = self.access_log is not None or self.tally is not None
        self.timeouts = Timeouts(
            **{
                each.name: getattr(self.timeouts, each.name) or math.inf
                for each in fields(Timeouts)
            }
        )
        self.keep_alive = self.timeouts.keep_alive
        self.disk = Disk(self.limits.bodies_on_disk)
