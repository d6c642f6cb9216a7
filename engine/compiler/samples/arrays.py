"""Plain arrays of what users give, whose classes may show other numbers than NumPy finds in them; arrays in memory."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from operator import is_
from typing import Any

_SHOWING = ("__getitem__", "__iter__", "tolist")
"""Methods by which lists and arrays give their entries."""
_KEPT = (list, tuple, str, bytes)
"""Sequences that stay as they are: lists of users' classes, which are examined, and what does not hold numbers."""


def as_it_is_now(argument: Any) -> Any:
    """A copy of a list, so that what is checked is what is read, whatever another thread puts into the original.

    Another sequence, such as a range, a deque or an `array.array`, becomes a list too: NumPy would make numbers of its
    own types of those in it.
    """
    if type(argument) is not list and (not isinstance(argument, Sequence) or isinstance(argument, _KEPT)):
        return argument
    return argument.tolist() if hasattr(argument, "tolist") else [*argument]


def plain_array(argument: Any, position: int) -> Any:
    """A plain array of the numbers that lists, or an array of another class, hold."""
    import numpy as np

    refuse_what_shows_others(argument, position)
    try:
        found = np.asarray(argument)
    except ValueError:
        raise ValueError(f"argument {position} is ragged: its samples must all have the same length") from None
    if isinstance(argument, (list, tuple)):
        _refuse_other_rows(argument, found.ndim, position)
    are_listed_ints = found.dtype.kind in "iu" and isinstance(argument, (list, tuple))
    return np.asarray(argument, float) if are_listed_ints and _have_own_floats(argument, found.ndim) else found


def refuse_what_shows_others(argument: Any, position: int) -> None:
    """Refuse lists and arrays that show other numbers than those NumPy finds in them.

    Raises:
        TypeError: entries are masked, or a class has its own way of showing them.
    """
    parts = argument if isinstance(argument, (list, tuple)) else ()
    kinds = {kind for kind in {type(argument), *map(type, parts)} if kind.__module__ not in ("builtins", "numpy")}
    showing = {kind for kind in kinds if _has_own_ways(kind)}
    for thing in {id(thing): thing for thing in (argument, *parts)}.values() if kinds else ():
        kind = type(thing)
        if kind in kinds and _has_mask(thing):
            raise TypeError(f"argument {position} is a masked array with gaps: fill them, or leave those samples out")
        if kind in showing and _shows_others(thing):
            raise TypeError(
                f"argument {position} is or holds a {kind.__name__}, whose own class may show other numbers than NumPy "
                "finds in it: give a plain list or array of those that you mean"
            )


def _refuse_other_rows(samples: Sequence[Any], depth: int, position: int) -> None:
    """Refuse rows, at any depth, that are no lists, tuples or arrays, or show other numbers than NumPy finds in them.

    Raises:
        TypeError: there is one: a deque or tensor, for example, whose numbers may be of any class, or a masked array.
    """
    if depth <= 1 or _are_rows(samples, depth):
        return
    for number, sample in enumerate(samples):
        rows = [sample]
        for further in reversed(range(depth - 1)):
            for row in rows:
                if type(row) is list or type(row) is tuple:
                    continue
                refuse_what_shows_others(row, position)
                if not (isinstance(row, (list, tuple)) or counts_entries(row)):
                    raise TypeError(
                        f"argument {position} holds a row of type {type(row).__name__} in sample {number}: a compiled "
                        "function takes rows that are lists, tuples or NumPy's arrays, such as [list(row) for row in "
                        "rows]"
                    )
            if further:  # what is in the innermost rows are numbers
                rows = [part for row in rows if isinstance(row, (list, tuple)) for part in row]


def _are_rows(samples: Sequence[Any], depth: int) -> bool:
    """Whether the rows, at any depth, are of the usual classes, which is quick to tell."""
    import numpy as np

    kinds = {*map(type, samples)}
    if depth > 2 and kinds <= {list, tuple}:
        return _are_rows([*chain.from_iterable(samples)], depth - 1)
    return kinds <= {np.ndarray} or (depth == 2 and kinds <= {list, tuple, np.ndarray})


def counts_entries(thing: Any) -> bool:
    """Whether this is an array like NumPy's: a pandas Series finds its entries by labels, which may be numbers."""
    return hasattr(getattr(thing, "dtype", None), "type") and not hasattr(thing, "iloc")


def _has_mask(argument: Any) -> bool:
    """Whether entries of an array are masked, which an array of plain numbers would not show."""
    mask = getattr(argument, "mask", None)
    return hasattr(argument, "filled") and mask is not None and bool(mask.any())


def _has_own_ways(kind: type) -> bool:
    """Whether a class gives its entries by methods that are neither Python's nor NumPy's."""
    owners = [next((base for base in kind.__mro__ if name in vars(base)), object) for name in _SHOWING]
    return any(owner.__module__.partition(".")[0] not in ("builtins", "numpy") for owner in owners)


def _shows_others(thing: Any) -> bool:
    """Whether a list or tuple with ways of its own shows other objects than it holds; an array might."""
    if not isinstance(thing, (list, tuple)):
        return hasattr(thing, "__array_finalize__")
    held = [*(list.__iter__(thing) if isinstance(thing, list) else tuple.__iter__(thing))]
    ways = [*thing], [thing[k] for k in range(len(thing))]
    return any(len(way) != len(held) or not all(map(is_, way, held)) for way in ways)


def _have_own_floats(numbers: Any, depth: int) -> bool:
    """Whether ints in lists of this depth are of a class whose floats may differ: NumPy would take the ints."""
    for _ in range(depth - 1):
        numbers = chain.from_iterable(numbers)
    return any(issubclass(kind, int) and kind.__float__ is not int.__float__ for kind in {*map(type, numbers)})


# ---- in memory ----

CACHE_LINE = 64
"""Bytes of a line of the cache, and of the longest vectors."""

LARGE_PAGE, LARGE = 2**21, 2**18
"""Bytes of a large page of memory, and of the smallest arrays that are put into such pages. In small ones, of which
these take more than a core keeps track of, a step of 1024-1024-1024@1024 takes 9 % longer, one of 256-256-10@64 2 %."""

SMALL_PAGE, APART = 2**12, 17 * CACHE_LINE
"""Bytes of a small page, and how much farther in its page each of several large rows begins than the one before."""


def rows_apart(count: int, dtype: Any) -> int:
    """How many numbers from the start of a row to that of the next one, of rows that are read side by side.

    Large rows that are near a power of two apart compete for the same places in caches and memory: without this a step
    of 1024-1024-1024@16 takes twice as long.

    Args:
        count: numbers in a row, in whole vectors.
        dtype: their type.

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
