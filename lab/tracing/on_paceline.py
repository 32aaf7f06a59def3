"""A configuration file of paceline (``--config python:lab.tracing.on_paceline``) that traces."""

from typing import Any

from lab.tracing import names
from lab.tracing.application import RECORDING, Traced
from lab.tracing.exporting import EXPORTER
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
        recording.server = lambda _: self._tell(seen)
        EXPORTER.put(recording)

    def _tell(self, seen: Any) -> ServerPart:
        end = max(seen.last_sent, seen.returned)
        steps = [
            ("queue", ns(seen.ready), ns(seen.taken)),
            ("receive", ns(seen.taken), ns(seen.read)),
            ("application", ns(seen.called), ns(seen.returned)),
        ]
        if seen.last_taken > seen.taken:
            steps.append(("queue", ns(seen.last_ready), ns(seen.last_taken)))
        events = [
            ("head read", ns(seen.head_read)),
            ("body read", ns(seen.read)),
            ("application called", ns(seen.called)),
            ("start_response", ns(seen.responded)),
            ("first byte", ns(seen.first_sent)),
            ("last byte", ns(seen.last_sent)),
        ]
        if seen.number == 1:
            events.insert(0, ("connection accepted", ns(seen.accepted)))
        if not seen.keeps:
            events.append(("connection closed", ns(end)))
        error = seen.error or ("" if seen.complete else "the client did not take all of it")
        return ServerPart(
            "paceline",
            ns(seen.ready),
            ns(end),
            steps,
            [event for event in events if event[1]],
            {
                names.MODEL: self._model,
                names.THREADS_BUSY: seen.busy,
                names.THREADS_WAITING: seen.waiting,
                names.QUEUE_LENGTH: seen.queued,
                names.CONNECTION_AGE: round(seen.ready - seen.accepted, 6),
                names.CONNECTION_REQUESTS: seen.number,
                names.CPU_TIME: round(seen.cpu, 6),
                "thread.name": seen.thread,
                "thread.id": seen.thread_id,
            },
            error or None,
            (seen.head, seen.body, b"".join(seen.sent)),
        )


def ns(seconds: float) -> int:
    """Nanoseconds, as recordings have them."""
    return int(seconds * 1e9)


def observer(worker: Any) -> Teller:
    """The hook: what is told of each request."""
    Traced.server_decides = Traced.server_ends = True
    return Teller(worker.cfg.worker_class)
