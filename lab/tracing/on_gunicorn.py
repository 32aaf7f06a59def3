"""A configuration file of gunicorn (``--config python:lab.tracing.on_gunicorn``) that traces.

Its hooks are called when a thread has read the head of a request, and when its answer is out.
"""

from time import monotonic_ns, thread_time
from typing import Any

from lab.tracing import names
from lab.tracing.exporting import EXPORTER
from lab.tracing.recording import Attributes, Octets, ServerPart
from lab.tracing.traced import RECORDING, Traced

UNKNOWN = [
    "when the connection was accepted, and which request on it this is",
    "how long the request waited for a thread: known is when nginx sent it, to the millisecond",
    "when its head and its body were read",
    "its threads, busy and waiting",
    "the bytes: heads are rebuilt from what gunicorn understood; bodies are not known",
]


SHARED = "its CPU time: greenlets share a thread"


def model_of(worker: Any) -> str:
    """The name of its worker class, as gunicorn's setting has it."""
    return type(worker).__name__.removesuffix("Worker").lower().replace("thread", "gthread")


def post_worker_init(worker: Any) -> None:
    """The hook: the application leaves the end of a recording to ``post_request``."""
    Traced.server_ends = True
    Traced.own_thread = model_of(worker) != "gevent"
    EXPORTER.begin_anew()  # with gevent's threads and locks, where those are there by now


def pre_request(worker: Any, request: Any) -> None:
    """The hook: a thread has the request."""
    request.wsgilab_taken = monotonic_ns(), thread_time()


def post_request(worker: Any, request: Any, environ: dict[str, Any], response: Any) -> None:
    """The hook: the answer is out, or could not be made."""
    recording = environ.pop(RECORDING, None)
    if recording is None:
        return
    taken, cpu = request.wsgilab_taken
    ended, cpu = monotonic_ns(), thread_time() - cpu
    model = model_of(worker)
    used: Attributes = {names.CPU_TIME: round(cpu, 6)} if Traced.own_thread else {}

    def tell() -> tuple[ServerPart, Octets]:
        whole = recording.spans[0]
        part = ServerPart(
            "gunicorn",
            taken,
            ended,
            [("application", whole.start, whole.end)],
            [
                ("application called", whole.start),
                ("start_response", recording.responded),
                ("last byte", ended),
            ],
            {
                names.MODEL: model,
                names.UNKNOWN: UNKNOWN if used else [*UNKNOWN, SHARED],
                **used,
            },
            recording.error,
        )
        return part, (rebuilt(request), b"", rebuilt_answer(response))

    recording.server = tell
    EXPORTER.put(recording)


def rebuilt(request: Any) -> bytes:
    """A request's head, as far as gunicorn tells it: names in capitals, in their order."""
    version = ".".join(map(str, request.version))
    lines = [f"{request.method} {request.uri} HTTP/{version}"]
    lines += [f"{name.title()}: {value}" for name, value in request.headers]
    return "\r\n".join(lines).encode("latin-1", "replace")


def rebuilt_answer(response: Any) -> bytes:
    """An answer's head, likewise."""
    if response is None or response.status is None:
        return b""
    lines = [line.removesuffix("\r\n") for line in response.default_headers()]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
