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
    """Give the memory of a computation with that many Values back, if that pays and the C library can, as on Linux."""
    if values >= _LARGE:
        with suppress(OSError, TypeError, AttributeError):  # another C library, or none
            ctypes.CDLL(None).malloc_trim(0)
