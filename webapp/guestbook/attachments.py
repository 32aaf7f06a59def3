"""Files that people attach: how much is taken, under which name they are kept and given out.

Nothing of what the client says about its file is trusted. It is stored under a random name without
a suffix, and always given out as a download, with a type from a short list.
"""

import uuid
from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

MAX_SIZE = 8 * 1024 * 1024  # bytes; nginx stops a whole request at 10 MB, so that this one explains

TYPES = {
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".zip": "application/zip",
}


def stored_name(_entry: Any, _filename: str) -> str:
    """A path under DATA_DIR/uploads that nobody can guess or choose."""
    return uuid.uuid4().hex


def shown_name(filename: str) -> str:
    """`filename` as it may stand in a header and on a page.

    Django has cut off directories. Unprintable characters go too: line ends, and the marks that
    turn the direction of writing, which make "exe.txt" of "txt.exe".
    """
    return "".join(filter(str.isprintable, filename)).strip(" .") or "attachment"


def content_type(filename: str) -> str:
    """The media type to send for `filename`: one that no browser runs."""
    return TYPES.get(PurePath(filename).suffix.lower(), "application/octet-stream")


def check_size(file: UploadedFile) -> None:
    """Raises ValidationError for a file of more than MAX_SIZE bytes."""
    if file.size > MAX_SIZE:
        raise ValidationError(f"This file is too large: choose one of at most {MAX_SIZE >> 20} MB.")


class UploadLimit(FileUploadHandler):
    """Drops what comes of a file past MAX_SIZE, before the handlers after it keep it on the disk.

    They still get the piece that crosses the limit, which is how `check_size` knows.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= MAX_SIZE else None

    def file_complete(self, file_size: int) -> None:
        return None
