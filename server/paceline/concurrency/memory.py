"""Memory that nobody needs, given back to the system.

glibc keeps what was freed.  Once a large block was, those of its size no longer come from the
system one by one, but from heaps, of which each thread may have one and which shrink only where
twice that size is free at their end.  Fifty answers of 8 MB that their clients did not take left a
process at 500 MB for ever.
"""

import ctypes
import gc
import os

LARGE = 1 << 20
"""Bytes of a block that comes from the system and goes back there."""
ARENAS = 2
"""Heaps of all threads: more would help only where threads allocate at once, without the GIL."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # <malloc.h>

_libc = ctypes.CDLL(None)


def keep_little() -> None:
    """Have this process keep less of what it frees, unless somebody has set how much it is."""
    if not hasattr(_libc, "mallopt") or any(name.startswith("MALLOC_") for name in os.environ):
        return
    _libc.mallopt(_M_MMAP_THRESHOLD, LARGE)
    _libc.mallopt(_M_TRIM_THRESHOLD, LARGE)
    _libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Collect what refers to itself in a circle, and return what is free within the heaps."""
    if gc.isenabled():
        gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
