"""The requests that a worker is serving, for its log and its note."""

import time

from paceline.process.worker import Model

LONGEST = 500
"""Characters of a request line that are shown."""


def in_hand(model: Model) -> list[str]:
    """Return a line for each request that a thread works on, that which takes longest first."""
    now = time.monotonic()
    found = []
    for doing in model.activity().threads:
        conversation, exchange = doing.conversation, doing.exchange
        if conversation and exchange:
            found.append((now - conversation.ready_at, exchange.request_line, doing.name))
    return [
        f"{line[:LONGEST]}, for {seconds:.1f} s, in {thread}"
        for seconds, line, thread in sorted(found, reverse=True)
    ]
