"""How long to wait before a dead worker is replaced."""

SHORT_LIFE = 2.0
"""A worker that dies within these seconds has not got over its start."""

LONGEST = 30.0
"""So that a server whose database is back is not down for much longer."""


class Backoff:
    """Nothing after the first early death, then 0.5 s, and twice as long after each more."""

    def __init__(self) -> None:
        self._early_deaths = 0

    def delay(self, healthy: bool) -> float:
        """Count a death; seconds until the next start."""
        self._early_deaths = 0 if healthy else self._early_deaths + 1
        if self._early_deaths < 2:
            return 0.0
        # The exponent is bounded since 2.0 ** 1024 is an error.
        return min(0.5 * 2.0 ** min(self._early_deaths - 2, 10), LONGEST)
