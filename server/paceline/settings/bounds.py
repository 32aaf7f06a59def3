"""Settings: how long and how large."""

from dataclasses import dataclass

from paceline.limits import Limits, Timeouts
from paceline.settings import values
from paceline.settings.declare import setting

LIMITS = Limits()
TIMEOUTS = Timeouts()


@dataclass(frozen=True, kw_only=True)
class TimeBounds:
    """How long (seconds; 0 means no limit)"""

    timeout: float = setting(
        "A process that makes no progress for this long is killed and replaced.",
        values.seconds,
        30.0,
        "-t",
        "--timeout",
        meta="SECONDS",
    )
    request_timeout: float = setting(
        "A request that the application works on for longer is answered 503 if nothing was "
        "sent yet, and its process is replaced.",
        values.seconds,
        0.0,
        "--request-timeout",
        meta="SECONDS",
        detail="Python cannot end a thread: the process continues its other requests until another "
        "can serve. It works with threads too, while `timeout` is about the whole process.",
    )
    slow_request: float = setting(
        "A request that takes longer is logged while it runs, with its thread's stack.",
        values.seconds,
        0.0,
        "--slow-request",
        meta="SECONDS",
    )
    graceful_timeout: float = setting(
        "On stop and reload, time for requests in flight to end.",
        values.seconds,
        TIMEOUTS.graceful,
        "--graceful-timeout",
        meta="SECONDS",
    )
    keepalive: float = setting(
        "An idle connection is closed after this long.",
        values.seconds,
        TIMEOUTS.keep_alive,
        "--keep-alive",
        meta="SECONDS",
        detail="Keep it above the proxy's own limit for idle connections (nginx: 60 s), so that "
        "the proxy is the one that closes. gunicorn's default is 2.",
    )
    head_timeout: float = setting(
        "Time for the head of a request, from its first byte to its last; then 408.",
        values.seconds,
        TIMEOUTS.head,
        "--head-timeout",
        meta="SECONDS",
    )
    body_timeout: float = setting(
        "Time between two pieces of a request's body; then 408.",
        values.seconds,
        TIMEOUTS.body,
        "--body-timeout",
        meta="SECONDS",
    )
    send_timeout: float = setting(
        "Time during which the client may take nothing of its answer.",
        values.seconds,
        TIMEOUTS.send,
        "--send-timeout",
        meta="SECONDS",
    )


@dataclass(frozen=True, kw_only=True)
class SizeBounds:
    """How large (bytes, or such as 64K, 10M)"""

    limit_request_line: int = setting(
        "Longest request line; longer is answered 414. 0: no limit.",
        values.size,
        LIMITS.request_line,
        "--limit-request-line",
        meta="BYTES",
        detail="gunicorn takes at most 8190.",
    )
    limit_request_fields: int = setting(
        "Most header fields; more is answered 431.",
        values.whole_number(least=1, most=32768),
        LIMITS.request_fields,
        "--limit-request-fields",
        meta="N",
    )
    limit_request_field_size: int = setting(
        "Longest header field; longer is answered 431. 0: no limit.",
        values.size,
        LIMITS.request_field_size,
        "--limit-request-field_size",
        "--limit-request-field-size",
        meta="BYTES",
        detail="The underscore in the first spelling is gunicorn's.",
    )
    limit_request_body: int = setting(
        "Longest body; longer is answered 413. 0: no limit.",
        values.size,
        LIMITS.request_body,
        "--limit-request-body",
        meta="BYTES",
    )
    body_in_memory: int = setting(
        "A larger body goes to a temporary file.",
        values.size,
        LIMITS.body_in_memory,
        "--body-in-memory",
        meta="BYTES",
    )
    answer_buffered: int = setting(
        "What is kept for a slow client before the application must wait for it.",
        values.size,
        LIMITS.answer_buffered,
        "--answer-buffered",
        meta="BYTES",
    )
    bodies_on_disk: int = setting(
        "What all temporary files of a process may use together; beyond it 503. 0: no limit.",
        values.size,
        LIMITS.bodies_on_disk,
        "--bodies-on-disk",
        meta="BYTES",
        detail="They are in `TMPDIR`, or else in /tmp.",
    )
    minimum_rate: int = setting(
        "Bytes a second that a client must send of a body, or take of an answer. 0: no limit.",
        values.size,
        LIMITS.minimum_rate,
        "--minimum-rate",
        meta="BYTES",
        detail="On average, after `body_timeout` or `send_timeout`: a byte now and then is not "
        "enough.",
    )
