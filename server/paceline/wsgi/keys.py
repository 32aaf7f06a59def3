"""Field names → environ keys (PEP 3333, "environ Variables"; RFC 3875, 4.1.18)."""

CACHE_SIZE = 1024
"""Names that are remembered; clients choose them, so there has to be a bound."""

FIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
"""The two that CGI gives a variable of their own, without the prefix."""


class EnvironKeys(dict[str, str]):
    """A cache: ``KEYS["x-real-ip"]`` is ``"HTTP_X_REAL_IP"``.  Names are in lower case."""

    def __missing__(self, name: str) -> str:
        if len(self) >= CACHE_SIZE:
            self.clear()
        key = self[name] = FIXED.get(name) or "HTTP_" + name.upper().replace("-", "_")
        return key


KEYS = EnvironKeys()
