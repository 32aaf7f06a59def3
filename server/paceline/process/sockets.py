"""What all workers listen on; the supervisor holds it, so no connection is lost between two."""

import logging
from math import inf

from paceline.config import Config
from paceline.process import privileges
from paceline.process.upgrade import Handover
from paceline.transport import Listener, listen

log = logging.getLogger("paceline.error")


class Sockets:
    """Listeners by the addresses that a configuration gives them."""

    def __init__(self, handover: Handover) -> None:
        self.listeners: dict[str, Listener] = {}
        self._handover = handover
        self._mend_at = inf

    def open(self, config: Config) -> None:
        """Listen where it asks for that and nobody does yet; ConfigError."""
        user, group = privileges.ids(config.user, config.group)
        for address in config.bind:
            if address in self.listeners:
                continue
            listener = self._handover.take(address, config.backlog) or listen(
                address,
                backlog=config.backlog,
                reuse_port=config.reuse_port,
                umask=config.umask,
                user=user,
                group=group,
            )
            self.listeners[address] = listener
            log.info("listening on %s", listener.address)
        self._handover.let_go()

    def keep(self, addresses: set[str]) -> None:
        """Listen nowhere else any more."""
        for address in self.listeners.keys() - addresses:
            self.listeners.pop(address).close()

    def mend(self) -> None:
        """Bring back what has ended of what listeners need beside their sockets."""
        self._mend_at = min((each.mend() for each in self.listeners.values()), default=inf)

    def next_deadline(self) -> float:
        """When mend() has something to do (``time.monotonic()``), if ever."""
        return self._mend_at

    def take_no_more(self) -> None:
        """Let nobody connect from now on; who has connected can still be accepted."""
        for listener in self.listeners.values():
            listener.take_no_more()

    def close(self) -> None:
        """Listen nowhere."""
        self.keep(set())
        self._mend_at = inf
