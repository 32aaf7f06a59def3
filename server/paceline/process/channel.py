"""Questions of the supervisor to one worker, and its answers, over a pair of sockets.

Made before the fork.  A question is a number and a line's end; an answer is a line of JSON that
carries the number, so that one that comes too late is not taken for another's.
"""

import json
import socket
from typing import Any

LARGEST = 1 << 24
"""Bytes of an answer; a thousand threads need half a megabyte."""

RECEIVE = 1 << 18


class Channel:
    """Both ends; each process lets go of the other's."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self.descriptor = self._near.fileno()
        """What becomes readable with an answer, or with the worker's end."""
        self._received = bytearray()

    def ask_only(self) -> None:
        """Be the supervisor's, from now on."""
        self._far.close()

    def answer_only(self) -> socket.socket:
        """Be the worker's, from now on; its end, which blocks."""
        self._near.close()
        return self._far

    def close(self) -> None:
        """Close what is open."""
        self._near.close()
        self._far.close()

    def ask(self, number: int) -> None:
        """Put a question; BlockingIOError where too many were not looked at, OSError."""
        self._near.send(b"%d\n" % number)

    def receive(self, number: int) -> dict[str, Any] | None:
        """Take what has come; the answer to a question once it is whole.

        Raises EOFError when no more will come, ValueError for what is no answer.
        """
        try:
            data = self._near.recv(RECEIVE)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._received += data
        if len(self._received) > LARGEST:
            self._received.clear()
            raise ValueError("an answer of more than 16 MB")
        if b"\n" not in data:
            return None
        *lines, self._received = self._received.split(b"\n")
        start = b'{"question": %d,' % number
        return next((json.loads(line) for line in lines if line.startswith(start)), None)
