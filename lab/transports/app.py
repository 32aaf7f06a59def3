"""What the servers of `lab transports` serve: as many bytes as the query says."""

from collections.abc import Callable, Iterable
from typing import Any

LINE = b"The quick brown fox jumps over the lazy dog, as often as asked.\n"


def body(size: int) -> bytes:
    """As many bytes, the same each time."""
    return (LINE * (size // len(LINE) + 1))[:size]


def application(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """PEP 3333; ``?100`` asks for 100 bytes."""
    answer = body(int(environ["QUERY_STRING"]))
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
