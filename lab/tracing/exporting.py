"""Packs recordings, and hands them over to the collector from a thread of its own.

A request never waits for the collector: what does not fit in the queue is dropped and counted.
After a fork the child begins anew.
"""

import atexit
import http.client
import os
import sys
import threading
from collections import deque
from pathlib import Path

from lab.stack.answers import UnixConnection
from lab.tracing.packing import CONTENT_TYPE, PATH, batch, pack
from lab.tracing.recording import Recording

ROOM = 2000
"""Recordings that may wait, of a few KiB each; LAB_TRACE_BYTES adds two bodies."""
ROOM_BYTES = 32 << 20
"""Of all that wait: a thousand statements make one of a few hundred KiB."""
BATCH = 100
BATCH_BYTES = 2 << 20
"""Past which a batch has no further one; the collector refuses what has more than 4 MiB."""
PAUSE = 0.1
"""Seconds that recordings gather for; what a person waits for a trace to appear."""
RETRY = 1.0
"""Seconds until a collector is asked again that did not take a batch."""
FAREWELL = 1.0
"""Seconds that the end of a process may wait for its last batches."""


class Exporter:
    """A queue and the thread that empties it, which the first recording starts."""

    def __init__(self, telemetry: str) -> None:
        self.application = "application"
        """The ``service.name`` of the application."""
        self._socket = Path(telemetry, "otlp.sock") if telemetry else None
        self.begin_anew()
        os.register_at_fork(after_in_child=self.begin_anew)
        atexit.register(self.close)

    def begin_anew(self) -> None:
        """Forgets what waits, and who sends it, as after a fork."""
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        """Of all in the queue."""
        self._counting = threading.Lock()
        self._dropped = 0
        self._unsent: bytes | None = None
        self._started = False
        self._filled = threading.Event()
        self._sending = threading.Lock()
        self._connection: UnixConnection | None = None
        self._silent = False
        """Whether it was said that the collector does not answer."""

    def put(self, recording: Recording) -> None:
        """Takes one that has ended and packs it; never waits, never fails."""
        if self._socket is None:
            return
        if len(self._queue) >= ROOM:
            self._dropped += 1
            return
        try:
            packed = pack(recording)
        except Exception as error:  # a mistake of ours is no reason to fail a request
            _say(f"a trace is lost: {error!r}")
            return
        with self._counting:
            if self._bytes + len(packed) > ROOM_BYTES:
                self._dropped += 1
                return
            self._bytes += len(packed)
            self._queue.append(packed)
        if not self._started:
            self._started = True
            self._start()
        if not self._filled.is_set():
            self._filled.set()

    def _start(self) -> None:
        try:
            threading.Thread(target=self._run, name="lab-exporter", daemon=True).start()
        except RuntimeError:  # no threads are to be had; another request may be luckier
            self._started = False

    def _run(self) -> None:
        pause = threading.Event()  # never set: waits
        while True:
            self._filled.wait()
            self._filled.clear()
            pause.wait(PAUSE)
            while self._unsent or self._queue:
                with self._sending:
                    sent = self._send()
                if not sent:
                    pause.wait(RETRY)
                elif len(self._queue) < BATCH:
                    # Each batch takes the GIL from those who serve: let more gather.
                    break
            if self._queue:
                self._filled.set()

    def close(self) -> None:
        """Sends what is left, where that can be done within FAREWELL."""
        if self._sending.acquire(timeout=FAREWELL):
            try:
                while (self._unsent or self._queue) and self._send():
                    pass
            finally:
                self._sending.release()

    def _send(self) -> bool:
        """Sends the oldest; False where the collector did not take them, and they stay."""
        if self._unsent is None:
            about = {
                "application": self.application,
                "server": os.environ.get("LAB_SERVER", "server"),
                "pid": os.getpid(),
                "dropped": self._dropped,
            }
            self._dropped = 0
            self._unsent = batch(self._take(), about)
        reason = self._post(self._unsent)
        if not reason:
            self._unsent = None
        self._tell(reason)
        return not reason

    def _take(self) -> list[bytes]:
        """The oldest that fit into a batch, one at least."""
        taken = [self._queue.popleft()]
        size = len(taken[0])
        while self._queue and len(taken) < BATCH and size + len(self._queue[0]) <= BATCH_BYTES:
            taken.append(self._queue.popleft())
            size += len(taken[-1])
        with self._counting:
            self._bytes -= size
        return taken

    def _post(self, body: bytes) -> str:
        """Why the collector did not take it; empty where it did."""
        try:
            if self._connection is None:
                self._connection = UnixConnection(str(self._socket))
            self._connection.request("POST", PATH, body, {"Content-Type": CONTENT_TYPE})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return str(error) or type(error).__name__
        if answer.status < 400:
            return ""
        if answer.status < 500:  # it would be refused again
            _say(f"the collector refused traces: {answer.status} {answer.reason}")
            return ""
        return f"it answers {answer.status}"

    def _tell(self, reason: str) -> None:
        """Says once that the collector does not take them, and once that it does again."""
        if reason and not self._silent:
            _say(f"the collector takes no traces: {reason}; {ROOM} wait, more are dropped")
        elif not reason and self._silent:
            _say("the collector takes traces again")
        self._silent = bool(reason)


def _say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


EXPORTER = Exporter(os.environ.get("LAB_TELEMETRY", ""))
