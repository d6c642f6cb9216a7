"""Memory that is free again, given back to the system.

The C library keeps what was freed at the end of its heap, as long as it is no more than twice the largest block that it
ever had: with a network of a million weights, that was a table of them, so that it keeps 40 MB.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_LARGE = 200_000
"""Of so many Values the numbers alone take some MB; those of fewer are not worth the call."""


def give_back(values: int) -> None:
    """Give back what is free, if there was a lot of it: where the C library can be told to, as that of Linux can.

    Args:
        values: how many there are in what was computed.
    """
    if values >= _LARGE:
        with suppress(OSError, TypeError, AttributeError):  # another C library, or none
            ctypes.CDLL(None).malloc_trim(0)
