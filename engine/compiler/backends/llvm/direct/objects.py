"""The memory layout of Python's and NumPy's objects, for native code that reads them; checked with examples."""

from __future__ import annotations

import ctypes
import functools

from ....frontend.reads.layout import HEAD, lists_are_as_expected, word
from ....samples.memory import address

CLASS = HEAD - 8
"""Where an object keeps its class."""

REAL = HEAD
"""Where a float keeps its number."""

LENGTH, ENTRIES = HEAD, HEAD + 8
"""Where a list keeps its length, and the address of its entries' addresses; see `lists_are_as_expected`."""

ITEMS = tuple.__basicsize__
"""Where a tuple, whose length is where a list's is, keeps the address of its first entry, followed by the others."""

DATA, RANK, DIMENSIONS, TYPE, FLAGS = (HEAD + k for k in (0, 8, 16, 40, 48))
"""Where an array keeps its fields, in NumPy's binary interface."""

IN_ORDER = 0x101  # the flags of C-contiguous and of aligned memory

INTS = [*range(-5, 257)]
"""Ints that CPython has a single object for; kept, so that an object at the address of one is that one."""

INT_SIZE = 32
"""Bytes from one to the next, if they are side by side."""


@functools.cache
def ints_side_by_side() -> int:
    """How many of `INTS`, from the first on, lie side by side: all, or none."""
    places = range(id(INTS[0]), id(INTS[0]) + INT_SIZE * len(INTS), INT_SIZE)
    return len(INTS) if [*map(id, INTS)] == [*places] else 0


@functools.cache
def objects_are_as_expected() -> bool:
    """Whether objects have the layout that native code assumes."""
    return _sequences_are_as_expected() and _floats_are_as_expected() and _arrays_are_as_expected()


def _sequences_are_as_expected() -> bool:
    pair = object(), object()
    known = [word(id(pair) + place) for place in (LENGTH, ITEMS, ITEMS + 8)] == [2, *map(id, pair)]
    return known and lists_are_as_expected()


def _floats_are_as_expected() -> bool:
    return all(
        word(id(number) + CLASS) == id(float) and ctypes.c_double.from_address(id(number) + REAL).value == number
        for number in (0.1, -2.5e300)
    )


def _arrays_are_as_expected() -> bool:
    import numpy as np

    for array in (np.zeros((2, 3)), np.zeros((3, 4), np.int64)[:, :2]):
        place, kind = id(array), id(array.dtype)
        if np.ndarray.__basicsize__ < FLAGS + 4 or word(place + CLASS) != id(np.ndarray):
            return False
        if (word(place + DATA), word(place + TYPE)) != (address(array), kind):
            return False
        ints = [ctypes.c_int32.from_address(place + offset).value for offset in (RANK, FLAGS)]
        if ints != [2, array.flags.num] or array.flags.c_contiguous is not (ints[1] & IN_ORDER == IN_ORDER):
            return False
        dimensions = word(place + DIMENSIONS)
        if (word(dimensions), word(dimensions + 8)) != array.shape:
            return False
    return True
