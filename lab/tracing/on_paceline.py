"""A configuration file of paceline (``--config python:lab.tracing.on_paceline``) that traces."""

from typing import Any

from lab.tracing import names
from lab.tracing.application import RECORDING, Traced
from lab.tracing.exporting import EXPORTER
from lab.tracing.heads import head_attributes
from lab.tracing.recording import CAPTURE, Recording, ServerPart, is_wanted, record


class Teller:
    """Passes what paceline has seen on to the exporter."""

    capture = CAPTURE

    def __init__(self, model: str) -> None:
        self._model = model

    def wants(self, environ: dict[str, Any]) -> bool:
        """See LAB_TRACE."""
        return is_wanted(environ)

    def done(self, seen: Any) -> None:
        """Takes an observation, and the recording that the application made meanwhile."""
        environ = seen.environ
        recording: Recording = environ.pop(RECORDING, None) or record(environ)
        recording.environ = recording.environ or dict(environ)
        seen.environ = {}
        recording.server = lambda recording: self._tell(recording, seen)
        EXPORTER.put(recording)

    def _tell(self, recording: Recording, seen: Any) -> ServerPart:
        steps = [("queue", seen.ready, seen.taken), ("receive", seen.taken, seen.read)]
        if seen.last_taken > seen.taken:
            steps.append(("queue", seen.last_ready, seen.last_taken))
        end = max(seen.last_sent, seen.returned)
        events = [
            ("head read", seen.head_read),
            ("body read", seen.read),
            ("application called", seen.called),
            ("start_response", seen.responded),
            ("first byte", seen.first_sent),
            ("last byte", seen.last_sent),
        ]
        if seen.number == 1:
            events.insert(0, ("connection accepted", seen.accepted))
        if not seen.keeps:
            events.append(("connection closed", end))
        steps.append(("application", seen.called, seen.returned))
        error = seen.error or ("" if seen.complete else "the client did not take all of it")
        return ServerPart(
            "paceline",
            seen.ready,
            end,
            steps,
            [event for event in events if event[1]],
            {
                names.MODEL: self._model,
                names.THREADS_BUSY: seen.busy,
                names.THREADS_WAITING: seen.waiting,
                names.QUEUE_LENGTH: seen.queued,
                names.CONNECTION_AGE: seen.ready - seen.accepted,
                names.CONNECTION_REQUESTS: seen.number,
                names.CPU_TIME: seen.cpu,
                "thread.name": seen.thread,
                "thread.id": seen.thread_id,
                **head_attributes(seen.head, seen.body, b"".join(seen.sent), recording.environ),
            },
            error or None,
        )


def observer(worker: Any) -> Teller:
    """The hook: what is told of each request."""
    Traced.server_decides = Traced.server_ends = True
    return Teller(worker.cfg.worker_class)
