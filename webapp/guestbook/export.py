"""The whole guestbook as CSV, in pieces: it is never in memory at once."""

import csv
import io
from collections.abc import Iterator

from .models import EntryQuerySet

PIECE = 16_384  # characters: few enough to hold, enough that sending them is worth a system call


def csv_pieces(entries: EntryQuerySet) -> Iterator[str]:
    """Yields CSV text with a header line; reads from the database as it goes."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["id", "author", "created", "message", "attachment"])
    for entry in entries.iterator(chunk_size=500):
        texts = map(_no_formula, (entry.message, entry.attachment_name))
        writer.writerow(
            [entry.pk, _no_formula(entry.author.username), entry.created.isoformat(), *texts]
        )
        if buffer.tell() >= PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _no_formula(text: str) -> str:
    # A spreadsheet would run a cell that begins so; an apostrophe says that it is text.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
