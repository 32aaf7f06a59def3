"""What the server knows of an exchange when it is over: all that an access log can say."""

from collections.abc import Sequence
from typing import Any, Protocol


class Record(Protocol):
    """One request and its answer."""

    @property
    def environ(self) -> dict[str, Any]:
        """The WSGI environ; empty for a request that was refused before it was understood."""

    @property
    def request_line(self) -> str:
        """As the client sent it, one character for each byte; empty if none came."""

    @property
    def status(self) -> str:
        """Such as ``200 OK``."""

    @property
    def response_headers(self) -> Sequence[tuple[str, str]]: ...

    @property
    def body_bytes(self) -> int:
        """Bytes of the answer's body that were sent, without the framing of chunks."""

    @property
    def started(self) -> float:
        """When the request was there, in seconds since 1970 (``time.time()``)."""

    @property
    def queue(self) -> float:
        """Seconds from the moment that its bytes were ready until a thread had them."""

    @property
    def waited(self) -> float | None:
        """Seconds from the moment that a trusted proxy sent it until then; None: not known."""

    @property
    def duration(self) -> float:
        """Seconds from then until the last byte of the answer was handed to the system."""
