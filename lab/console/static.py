"""The console's own scripts and styles, which it serves itself."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "pages" / "static"


@cache
def version() -> str:
    """Changes whenever any of the files does; a file may thus name another one relatively."""
    digest = hashlib.sha256()
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(FOLDER)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
