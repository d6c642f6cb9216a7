"""Memory for native code: arrays that begin on a cache line, in large pages where that pays."""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

CACHE_LINE = 64
"""Bytes of a line of the cache, and of the longest vectors."""

LARGE_PAGE, LARGE = 2**21, 2**18
"""Bytes of a large page of memory, and of the smallest arrays that are put into such pages. In small ones, of which
these take more than a core keeps track of, a step of 1024-1024-1024@1024 takes 9 % longer, one of 256-256-10@64 2 %."""

SMALL_PAGE, APART = 2**12, 17 * CACHE_LINE
"""Bytes of a small page, and how much farther in its page each of several large rows begins than the one before."""


def rows_apart(count: int, dtype: Any) -> int:
    """How many numbers from the start of a row of `count`, in whole vectors, to that of the next one beside it.

    Large rows that are near a power of two apart compete for the same places in caches and memory: without this a step
    of 1024-1024-1024@16 takes twice as long.

    >>> rows_apart(1000, "float64"), rows_apart(2**20, "float64") - 2**20
    (1000, 136)
    """
    import numpy as np

    size = count * np.dtype(dtype).itemsize
    return count if size < LARGE else (size + (APART - size) % SMALL_PAGE) // np.dtype(dtype).itemsize


def aligned(count: int, dtype: Any, kept: bool = True) -> Any:
    """A zeroed array that begins on a cache line: vectors of rows that fill whole lines then lie in one each.

    Args:
        count: how many numbers.
        dtype: their type.
        kept: whether it will be used for long, so that large pages pay, which take 0.1 ms to get.
    """
    import numpy as np

    size = count * np.dtype(dtype).itemsize
    raw, edge = _large_pages(size) if kept else None, LARGE_PAGE
    if raw is None:
        raw, edge = np.zeros(size + CACHE_LINE, np.uint8), CACHE_LINE
    start = -address(raw) % edge
    return raw[start : start + size].view(dtype)


def _large_pages(size: int) -> Any:
    """Zeroed bytes, enough for `size` of them in large pages; None if they are few, or the system has no large pages.

    NumPy asks for large pages too, but its memory may have been used before, and then keeps its small ones.
    """
    import numpy as np

    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    with suppress(OSError):
        memory = mmap.mmap(-1, size + 2 * LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
        return np.frombuffer(memory, np.uint8)
    return None


def address(array: Any) -> int:
    """Where an array begins."""
    number: int = array.__array_interface__["data"][0]
    return number
