"""Gives free memory back to the system.

The C library keeps what was freed at the end of its heap, up to twice the largest block that it ever allocated. For a
network of a million weights that block was a table of them, so it keeps 40 MB.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_LARGE = 200_000
"""From this many Values on, their numbers alone take some MB; with fewer the call does not pay."""


def trim_heap(values: int) -> None:
    """Give free memory back to the system, if there may be much of it and the C library can do that, as on Linux.

    Args:
        values: how many Values the computation had.
    """
    if values >= _LARGE:
        with suppress(OSError, TypeError, AttributeError):  # another C library, or none
            ctypes.CDLL(None).malloc_trim(0)
