"""X-Request-Start: when a proxy sent a request, as nginx, Apache and Heroku write it."""

import re

FORM = re.compile(r"(?:t=)?([0-9]{9,16}(?:\.[0-9]{1,6})?)", re.ASCII)
LONGEST = 3600.0
"""Seconds; who says to have sent it earlier has another clock."""


def waited(text: object, now: float) -> float | None:
    """Return the seconds from then until ``now`` (``time.time()``); None where it cannot be known.

    The number is of seconds, milliseconds or microseconds, as its size tells.  One that is a little
    ahead is a clock that is a little fast.
    """
    found = FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    moment = float(found[1])
    for unit in (1e-6, 1e-3):
        if moment * unit > 1e8:  # 1973, and no later than now
            moment *= unit
            break
    seconds = now - moment
    if -1.0 < seconds < 0:
        return 0.0
    return seconds if 0 <= seconds < LONGEST else None
