"""Returns freed memory to the system, which glibc's malloc would keep.

At first malloc takes a large block from the system by itself (mmap) and returns it when freed.  But
then it raises its threshold to the size of that block: the next ones come from the heaps, of which
each thread may have one, and which shrink only when twice that size is free at their end.  Fifty
answers of 8 MB that their clients did not take left a process at 500 MB for ever.
"""

import ctypes
import gc
import os

LARGE = 1 << 20
"""Bytes from which on a block is taken from the system by itself, always."""
ARENAS = 2
"""Heaps of the process: more would help only threads that allocate at once, without the GIL."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # <malloc.h>

_libc = ctypes.CDLL(None)


def keep_little() -> None:
    """Set malloc's thresholds for this process, unless the environment sets any (MALLOC_...)."""
    if not hasattr(_libc, "mallopt") or any(name.startswith("MALLOC_") for name in os.environ):
        return
    _libc.mallopt(_M_MMAP_THRESHOLD, LARGE)
    _libc.mallopt(_M_TRIM_THRESHOLD, LARGE)
    _libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Run the garbage collector, then return what is free within the heaps to the system."""
    if gc.isenabled():
        gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
