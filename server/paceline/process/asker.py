"""A client of ``--stats``: one HTTP request in, one answer out, without blocking."""

import select
import socket
import time
from email.utils import formatdate

from paceline.errors import FieldsTooLarge, RequestError
from paceline.http.request import parse_head
from paceline.http.response import error_answer
from paceline.limits import Limits
from paceline.process.signals import SignalInbox

PATIENCE = 5.0
"""Seconds after which a connection is closed, whether it was answered or not."""

LONGEST = 1 << 13  # bytes of a head

LIMITS = Limits()


class Asker:
    """One connection: its request is read, it ``waits`` for ``answer``, then it is ``closed``."""

    def __init__(self, sock: socket.socket, inbox: SignalInbox) -> None:
        self.socket = sock
        self.deadline = time.monotonic() + PATIENCE
        self.waits = False
        self.wants_metrics = False
        self.closed = False
        self._inbox = inbox
        self._received = b""
        self._to_send = memoryview(b"")
        self._head_only = False
        inbox.attend(sock.fileno(), select.POLLIN, self._read)

    def answer(self, status: str, kind: str, body: bytes, allow: str = "") -> None:
        """Begin to send an answer, unless the client has gone; `kind` is its Content-Type."""
        self.waits = False
        if self.closed:
            return
        head = (
            f"HTTP/1.1 {status}\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n{allow}"
            "Connection: close\r\n\r\n"
        )
        self._to_send = memoryview(head.encode() + (b"" if self._head_only else body))
        self._inbox.attend(self.socket.fileno(), select.POLLOUT, self._send)
        self._send()

    def close(self) -> None:
        """Close, whatever is under way."""
        if self.closed:
            return
        self.closed = True
        self.waits = False
        self._inbox.ignore(self.socket.fileno())
        self.socket.close()

    def _read(self) -> None:
        try:
            data = self.socket.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if end:
            # Nothing more is read: one that has left is noticed when it is answered.
            self._inbox.ignore(self.socket.fileno())
            self._consider(head)
        elif len(self._received) > LONGEST:
            self._refuse(FieldsTooLarge.status, "That is too much for a question.")

    def _consider(self, raw: bytes) -> None:
        try:
            head = parse_head(raw, LIMITS)
        except RequestError as error:
            self._refuse(error.status, str(error))
            return
        self._head_only = head.method == "HEAD"
        if head.path not in {"/", "/metrics"}:
            self._refuse("404 Not Found", "There is /, and /metrics.")
        elif head.method not in {"GET", "HEAD"}:
            self._refuse("405 Method Not Allowed", "GET it.", "Allow: GET, HEAD\r\n")
        else:
            self.wants_metrics = head.path == "/metrics"
            self.waits = True

    def _refuse(self, status: str, text: str, allow: str = "") -> None:
        fields, body = error_answer(status, text)
        self.answer(status, dict(fields)["Content-Type"], body, allow)

    def _send(self) -> None:
        try:
            sent = self.socket.send(self._to_send)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._to_send = self._to_send[sent:]
        if not self._to_send:
            self.close()
