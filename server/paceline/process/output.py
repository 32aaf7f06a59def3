"""What print() has left in the interpreter's buffers."""

import sys
from contextlib import suppress


def flush_output() -> None:
    """Write it out, if there is anywhere to write it; callable in a signal handler."""
    for stream in (sys.stdout, sys.stderr):
        # There is none, its reader is gone, it is in the middle of a flush, it was closed.
        with suppress(AttributeError, OSError, RuntimeError, ValueError):
            stream.flush()
