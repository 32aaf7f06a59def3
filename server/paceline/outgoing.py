"""What a client has not taken yet of its answer."""

import os
import threading
import time
from collections import deque

from paceline.transport import Connection

SENDS_IN_A_ROW = 16  # to one client, before others get their turn


class FilePart:
    """A piece of a file that is still to be sent; owns its descriptor."""

    __slots__ = ("count", "descriptor", "offset")

    def __init__(self, descriptor: int, offset: int, count: int) -> None:
        self.descriptor = os.dup(descriptor)  # the application closes its own
        self.offset = offset
        self.count = count


class Outgoing:
    """Bytes and pieces of files, in their order, for a connection that takes no more for now."""

    __slots__ = ("_connection", "_parts", "began", "held", "lock", "sent")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parts: deque[bytes | memoryview | FilePart] = deque()
        self.held = 0  # bytes of memory
        self.began = time.monotonic()
        self.sent = 0  # bytes since then
        self.lock = threading.Lock()  # of whoever adds or sends: a poller sends too

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, part: bytes | memoryview | FilePart) -> None:
        """Keep it; a piece of a file takes no memory."""
        self._parts.append(part)
        if not isinstance(part, FilePart):
            self.held += len(part)

    def send_some(self) -> bool:
        """Send until the client takes no more; tell whether it took anything.  Raises OSError."""
        progress = False
        try:
            for _ in range(SENDS_IN_A_ROW):
                if not self._parts:
                    break
                part = self._parts[0]
                if isinstance(part, FilePart):
                    self._send_from_file(part)
                else:
                    self._send_from_memory(part)
                progress = True
        except BlockingIOError:
            pass
        return progress

    def _send_from_file(self, part: FilePart) -> None:
        sent = self._connection.send_file(part.descriptor, part.offset, part.count)
        if not sent:
            raise OSError("a file became shorter while it was sent")
        self.sent += sent
        part.offset += sent
        part.count -= sent
        if not part.count:
            os.close(part.descriptor)
            self._parts.popleft()

    def _send_from_memory(self, part: bytes | memoryview) -> None:
        sent = self._connection.send(part)
        self.sent += sent
        self.held -= sent
        if sent == len(part):
            self._parts.popleft()
        else:
            self._parts[0] = memoryview(part)[sent:]

    def discard(self) -> None:
        """Forget all of it."""
        for part in self._parts:
            if isinstance(part, FilePart):
                os.close(part.descriptor)
        self._parts.clear()
        self.held = 0
