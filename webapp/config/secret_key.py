"""Keeps Django's SECRET_KEY in a file of its own, since none may stand in the repository."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def read_or_make(path: Path) -> str:
    """The key kept in `path`, made there (mode 0600) if it is missing.

    Processes that start at the same time get the same key. Raises OSError where the file can
    neither be read nor made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
    return path.read_text()


def _make(path: Path) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=".secret_key.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(descriptor)
        # A link never replaces a file: of several starters one wins, and what the others then
        # read is whole. A rename would let the last one win, after the first has read its own.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
