"""What a service manager is told: sd_notify(3), a datagram of ``NAME=value`` lines to a socket.

    READY=1                      the workers serve, at the start and again behind a reload
    RELOADING=1 MONOTONIC_USEC=  a HUP has come; READY=1 follows, whatever becomes of it
    STOPPING=1                   nobody is accepted any more
    STATUS=                      how things stand, for people: `systemctl status` shows it
    WATCHDOG=1                   the supervisor goes round its loop, where WATCHDOG_USEC asks for it

NOTIFY_SOCKET names the socket.  Where it is not set nothing is sent, and nothing fails.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping
from math import inf

PATIENCE = 0.5
"""Seconds that a manager which does not read its socket may hold the supervisor up."""

log = logging.getLogger("paceline.error")


class ServiceManager:
    """The one that started this process, if it wants to be told."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        if name.startswith("@"):
            name = "\0" + name[1:]  # an abstract one, without a file
        # Others, such as vsock:, are for virtual machines.
        self._address = name if name.startswith(("/", "\0")) else ""
        self._state = ""
        self._status = ""
        self._interval = _watchdog(environ) if self._address else inf
        self._beat_at = time.monotonic() if self._interval < inf else inf

    def next_deadline(self) -> float:
        """When ``beat`` has something to do (``time.monotonic()``), if ever."""
        return self._beat_at

    def beat(self) -> None:
        """Say that the loop goes round, where it is time to; to be called in each turn."""
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + self._interval
            self._send("WATCHDOG=1")

    def ready(self, status: str) -> None:
        """Say that all workers serve."""
        self._become("READY=1", status)

    def reloading(self) -> None:
        """Say that a reload has begun.  Each one is said, also within another."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._become(f"RELOADING=1\nMONOTONIC_USEC={now}", "reloading")

    def follow(self, pid: int) -> None:
        """Say which process is to be looked at from now on."""
        self._send(f"MAINPID={pid}")

    def stopping(self) -> None:
        """Say that this is the end."""
        self._become("STOPPING=1", "finishing the requests in flight")

    def _become(self, state: str, status: str) -> None:
        if (state, status) == (self._state, self._status):
            return
        new = f"STATUS={status}" if state == self._state else f"{state}\nSTATUS={status}"
        self._state, self._status = state, status
        self._send(new)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(PATIENCE)
                sock.sendto(text.encode(), self._address)
        except OSError as error:
            log.warning("the service manager could not be told %s: %s", text.split()[0], error)


def _watchdog(environ: Mapping[str, str]) -> float:
    """Seconds between two signs of life: half of what the manager waits for, as it advises."""
    limit = environ.get("WATCHDOG_USEC", "")
    if not limit.isdecimal() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return inf
    return int(limit) / 2e6 or inf
