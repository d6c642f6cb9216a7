"""Plain arrays of what users give, whose classes may show other numbers than NumPy finds in them."""

from __future__ import annotations

from collections.abc import Sequence
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
                f"argument {position} is or holds an object of class {kind.__name__}, which may show other numbers "
                "than NumPy finds in it: give a plain list or array of those that you mean"
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
            if further:  # the innermost rows hold numbers
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
