"""How bytes travel: listeners that accept connections, the same few methods for each kind.

Nothing in here knows HTTP.  A connection never blocks: what cannot be done now raises
BlockingIOError, and how to wait is the business of a concurrency model.
"""

from paceline.transport.base import Connection, Listener
from paceline.transport.bind import listen

__all__ = ["Connection", "Listener", "listen"]
