"""Which names are of secrets, and how a value behind such a name is hidden."""

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

MASK = b"***"

SECRET = re.compile(
    rb"passw|passphrase|pwd|secret|token|credential|authorization|session[-_]?(?:id|key)"
    rb"|(?:api|auth|access|private)[-_]?key"
    rb"|(?<![a-z])pass(?![a-z])",
    re.IGNORECASE,
)
"""In a name: new_password1, csrfmiddlewaretoken, X-Api-Key, user[pass]; not compass."""


SIGNS = (
    b"cookie",
    *(b"pass", b"pwd", b"secret", b"token", b"credential", b"authorization", b"session", b"key"),
    b"@",  # of a URL with a user
    *(b"%", b"\\", b"\0"),  # in other letters: percent-encoded, escaped in JSON, UTF-16
)
"""One of these, in small letters, is in each text in which something has to be hidden."""


def may_hold_secrets(text: bytes) -> bool:
    """Whether masks have to look into a text; a quick look, since most hold nothing."""
    # Not `sign in text`: for bytes, that first makes an exception of each sign that is no number.
    return max(map(text.lower().find, SIGNS)) >= 0


@lru_cache(1024)
def is_secret(name: bytes) -> bool:
    """Whether what has this name is to be hidden; the name may be percent-encoded."""
    return SECRET.search(unquote_to_bytes(name)) is not None


def mask_values(
    text: bytes,
    names: re.Pattern[bytes],
    values: re.Pattern[bytes],
    secret: Callable[[bytes], bool] = is_secret,
) -> bytes:
    """Hides the values behind secret names.

    ``names`` finds a name as its first group and ends where the value begins, on which ``values``
    matches, be it empty.  What looks like a name within a hidden value is hidden with it.
    """
    pieces, done = [], 0
    for found in names.finditer(text):
        if found.start() >= done and secret(found[1]):
            pieces += [text[done : found.end()], MASK]
            value = values.match(text, found.end())
            done = value.end() if value else len(text)
    return b"".join([*pieces, text[done:]]) if pieces else text
