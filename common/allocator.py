"""The C library's memory where torch computes on a CPU: kept for the next tensor instead of handed back each time.

glibc maps each block of more than 32 MB anew (smaller ones until it has adapted), and the system clears its pages one
by one as they are first touched: for some networks a quarter of the processor time is page faults. Networks ask for the
same sizes again and again, so here blocks come from kept memory whatever their size. What is let go for good, a network
of which memory ran out, goes back by `return_freed_memory`.
"""

from __future__ import annotations

import ctypes
import functools
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Names of glibc's malloc.h."""

KEPT = 512 << 20
"""Bytes that a process may keep free at the end of its memory before they go back to the system."""


def keep_freed_memory() -> bool:
    """Keep freed memory in this process from here on; whether that could be set. May be called again.

    Called wherever torch is about to compute. False, and nothing done, without glibc (musl, macOS, Windows).
    """
    library = _glibc()
    return library is not None and bool(library.mallopt(M_MMAP_MAX, 0) and library.mallopt(M_TRIM_THRESHOLD, KEPT))


def return_freed_memory() -> bool:
    """Give the system back what is free now; whether there was a way to."""
    library = _glibc()
    if library is None:
        return False
    library.malloc_trim(0)
    return True


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
