"""What paceline has seen of a request, on its way to the collector: numbers in an order that both
sides know, since making names of them takes the server longer than all of the seeing.
"""

from typing import Any

from lab.tracing import names
from lab.tracing.recording import ServerPart

MOMENTS = (
    "accepted ready taken last_ready last_taken head_read read called responded first_sent "
    "returned last_sent"
).split()
"""Of an observation (paceline.observe.observation), in seconds; here in nanoseconds."""


def tell(model: str, seen: Any) -> tuple[Any, ...]:
    """An observation as one row; for ``part``."""
    return (
        int(seen.accepted * 1e9),
        int(seen.ready * 1e9),
        int(seen.taken * 1e9),
        int(seen.last_ready * 1e9),
        int(seen.last_taken * 1e9),
        int(seen.head_read * 1e9),
        int(seen.read * 1e9),
        int(seen.called * 1e9),
        int(seen.responded * 1e9),
        int(seen.first_sent * 1e9),
        int(seen.returned * 1e9),
        int(seen.last_sent * 1e9),
        seen.number,
        seen.keeps,
        seen.error or (None if seen.complete else "the client did not take all of it"),
        model,
        seen.busy,
        seen.waiting,
        seen.queued,
        int(seen.cpu * 1e9),
        seen.thread,
        seen.thread_id,
    )


def part(row: list[Any]) -> ServerPart:
    """The server's part of a recording.  Raises ValueError or TypeError for what is no such row."""
    *moments, number, keeps, error, model, busy, waiting, queued, cpu, thread, thread_id = row
    at = dict(zip(MOMENTS, moments, strict=True))
    end = max(at["last_sent"], at["returned"])
    steps = [
        ("queue", at["ready"], at["taken"]),
        ("receive", at["taken"], at["read"]),
        ("application", at["called"], at["returned"]),
    ]
    if at["last_taken"] > at["taken"]:
        steps.append(("queue", at["last_ready"], at["last_taken"]))
    events = [
        ("connection accepted", at["accepted"] if number == 1 else 0),
        ("head read", at["head_read"]),
        ("body read", at["read"]),
        ("application called", at["called"]),
        ("start_response", at["responded"]),
        ("first byte", at["first_sent"]),
        ("last byte", at["last_sent"]),
        ("connection closed", 0 if keeps else end),
    ]
    return ServerPart(
        "paceline",
        at["ready"],
        end,
        steps,
        events,
        {
            names.MODEL: model,
            names.THREADS_BUSY: busy,
            names.THREADS_WAITING: waiting,
            names.QUEUE_LENGTH: queued,
            names.CONNECTION_AGE: round((at["ready"] - at["accepted"]) / 1e9, 6),
            names.CONNECTION_REQUESTS: number,
            names.CPU_TIME: round(cpu / 1e9, 6),
            "thread.name": thread,
            "thread.id": thread_id,
        },
        error,
    )
