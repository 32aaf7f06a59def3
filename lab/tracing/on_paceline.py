"""A configuration file of paceline (``--config python:lab.tracing.on_paceline``) that traces."""

from typing import Any

from lab.tracing.exporting import EXPORTER
from lab.tracing.recording import CAPTURE, Recording, is_wanted, record
from lab.tracing.seen import tell
from lab.tracing.traced import RECORDING, Traced


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
        recording.server = lambda: (
            tell(self._model, seen),
            (seen.head, seen.body, b"".join(seen.sent)),
        )
        EXPORTER.put(recording)


def observer(worker: Any) -> Teller:
    """The hook: what is told of each request."""
    Traced.server_decides = Traced.server_ends = True
    return Teller(worker.cfg.worker_class)
