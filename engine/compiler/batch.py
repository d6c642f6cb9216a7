"""The arguments of a compiled function: samples as arrays or nested lists, checked and laid out in rows."""

from __future__ import annotations

import copy
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from operator import is_
from typing import Any, NamedTuple

from ..ieee import mean
from ..numbers import as_float, differs_from_float, is_number, short_kinds
from ..value import Value
from .masks import Masks

SMALL = 65536  # bytes: copying so few is faster than setting a program up for other memory

_SHOWING = ("__getitem__", "__iter__", "tolist")
"""Methods by which lists and arrays give their entries."""

Shape = tuple[int, ...]
"""The shape of one sample: () for a number, (n,) for a list of n, ..."""


@cache
def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


@dataclass(frozen=True)
class Batch:
    """The arguments of one call.

    Attributes:
        size: how many samples.
        shapes: the shape of each argument for one sample.
        arrays: each argument as `size` rows: a C-contiguous 2-D array, or a list of lists without NumPy.
        given: the arguments as they were given, with the types of their numbers and all digits: arrays or lists.
        kinds: the NumPy types of the numbers that arguments are expected to hold, by position.
        masks: what is drawn in each step of a training for columns of the first argument, whatever stands there.
    """

    size: int
    shapes: tuple[Shape, ...]
    arrays: tuple[Any, ...] = field(repr=False)
    given: list[Any] = field(repr=False)
    kinds: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)
    masks: Masks | None = field(default=None, repr=False)

    def columns_as_given(self, argument: int) -> Sequence[Sequence[Any]]:
        """The numbers of each input of one argument in all samples, with their types and all digits."""
        given = self.given[argument]
        if isinstance(given, (list, tuple)):
            return list(zip(*[flat(_plain(sample)) for sample in given]))
        return given.reshape(self.size, -1).T.tolist()

    @property
    def is_small(self) -> bool:
        """Whether copying the arrays costs less than setting a program up for others."""
        return not any(isinstance(a, list) for a in self.arrays) and sum(a.nbytes for a in self.arrays) <= SMALL

    def copied(self) -> Batch:
        """A copy in memory of its own."""
        arrays = tuple([array.copy() for array in self.arrays])
        given = [  # NumPy takes None for float64
            new if hasattr(old, "dtype") and hasattr(new, "dtype") and old.dtype == new.dtype else copy.copy(old)
            for old, new in zip(self.given, arrays)
        ]
        return Batch(self.size, self.shapes, arrays, given, masks=self.masks)

    def refill(self, place: int, argument: Any) -> bool:
        """Take over another argument, if it is an array or list of as many samples of the same shape.

        Numbers of few bits are not taken where other types are expected.

        Raises:
            TypeError, ValueError: it holds what is no real number, or is ragged.
        """
        view, argument = self.in_shape[place], _as_it_is_now(argument)
        array: Any = argument if type(argument) is type(view) else _plain_array(argument, place + 1)
        if array.shape != view.shape or array.dtype.kind not in "fiub":
            return False
        kind = array.dtype
        known = self.kinds.get(place, kind)
        other = kind != known and (differs_from_float(kind.type) or differs_from_float(known.type))
        if other or (place in self.kinds and isinstance(argument, (list, tuple)) and short_kinds(argument)):
            return False  # a function may do something else with these
        view[...] = array
        self.given[place] = argument if isinstance(argument, (list, tuple)) else array
        return True

    def expect(self, other: Batch) -> None:
        """Take over only numbers of the same types as these, where their number of bits matters."""
        self.kinds.update({k: _plain_array(given, k + 1).dtype for k, given in enumerate(other.given)})

    @cached_property
    def in_shape(self) -> list[Any]:
        """The arrays in the shapes of the arguments."""
        return [array.reshape(self.size, *shape) for array, shape in zip(self.arrays, self.shapes)]

    def rows(self, rows: Sequence[int]) -> Batch:
        """Some of the samples."""
        arrays = [[a[k] for k in rows] if isinstance(a, list) else a[rows] for a in self.arrays]
        given = [[a[k] for k in rows] if isinstance(a, (list, tuple)) else a[rows] for a in self.given]
        return Batch(len(rows), self.shapes, tuple(arrays), given, masks=self.masks)

    def drawn(self, later: int) -> Batch:
        """The samples with the masks of a step, `later` steps after the first one."""
        if self.masks is None:
            return self
        first = self.masks.drawn(self.arrays[0], later)
        return Batch(self.size, self.shapes, (first, *self.arrays[1:]), [first, *self.given[1:]])

    def sample(self, row: int) -> list[Any]:
        """The arguments of one sample, as the function takes them: Values in nested lists."""
        return [nested([Value(float(x)) for x in array[row]], shape) for array, shape in zip(self.arrays, self.shapes)]

    def as_given(self, row: int, entirely: bool = False) -> list[Any]:
        """The arguments of one sample as they were given, but rounded like those that a program reads.

        Args:
            row: which sample.
            entirely: whether to keep the types of numbers and lists, and all digits.
        """
        if entirely:
            arrays = [g.reshape(self.size, *s) if hasattr(g, "dtype") else g for g, s in zip(self.given, self.shapes)]
            return [array[row] for array in arrays]
        found = []
        for given, array, shape in zip(self.given, self.arrays, self.shapes):
            exact = isinstance(array, list) or array.dtype == "float64"
            found.append(nested(flat(_plain(given[row])) if exact else array[row].tolist(), shape))
        return found


class ValidLabels(NamedTuple):
    """The labels that are known to be right, and need not be checked again.

    Attributes:
        rows: each label, as the tuple of its numbers; None if all are right.
        least, most: labels whose numbers are between these are right as well.
    """

    rows: frozenset[tuple[float, ...]] | None = frozenset()
    least: float = math.inf
    most: float = -math.inf


def nested(numbers: Sequence[Any], shape: Shape) -> Any:
    """A flat sequence in lists of that shape.

    >>> nested([1, 2, 3, 4], (2, 2)), nested([5], ())
    ([[1, 2], [3, 4]], 5)
    """
    if not shape:
        return numbers[0]
    width = math.prod(shape[1:])
    return [nested(numbers[k * width : (k + 1) * width], shape[1:]) for k in range(shape[0])]


def flat(samples: Any) -> list[Any]:
    """The numbers in nested lists or tuples, in order.

    >>> flat([[1, 2], [[3]], 4])
    [1, 2, 3, 4]
    """
    return [x for part in samples for x in flat(part)] if isinstance(samples, (list, tuple)) else [samples]


def _plain(sample: Any) -> Any:
    """A sample of an array as lists of Python numbers."""
    return sample.tolist() if hasattr(sample, "tolist") else sample


def as_batch(arguments: Sequence[Any], dtype: str | None) -> Batch:
    """Check the arguments of a call.

    Args:
        arguments: the samples of each argument: N numbers, N x k, ... as an array or nested lists.
        dtype: the dtype of arrays; None for lists of floats, which need no NumPy.

    Raises:
        TypeError: an argument holds something that is not a real number.
        ValueError: rows of different lengths, or arguments with different numbers of samples.
    """
    sizes, shapes, arrays, given = [], [], [], []
    for position, argument in enumerate(map(_as_it_is_now, arguments), start=1):
        found = _as_array(argument, dtype, position) if dtype else _as_lists(argument, position)
        sizes.append(found[0])
        shapes.append(found[1])
        arrays.append(found[2])
        given.append(found[3])
    if len(set(sizes)) > 1:
        raise ValueError(f"the arguments hold {' and '.join(map(str, sizes))} samples: give the same number in each")
    return Batch(sizes[0] if sizes else 1, tuple(shapes), tuple(arrays), given)


def _as_array(argument: Any, dtype: str, position: int) -> tuple[int, Shape, Any, Any]:
    import numpy as np

    given = argument
    if type(argument) is not np.ndarray:
        argument = _plain_array(argument, position)
    if argument.dtype.kind not in "fbiu":
        _as_lists(given, position)  # says what is wrong with it, and where
        raise TypeError(
            f"argument {position} holds {argument.dtype}: a compiled function takes numbers of NumPy's own types, so "
            "make floats of these"
        )
    if argument.ndim == 0:
        raise TypeError(f"argument {position} is a single number: give one number or row for each sample")
    size, shape = argument.shape[0], argument.shape[1:]
    rows = np.ascontiguousarray(argument.reshape(size, math.prod(shape)), dtype)
    return size, shape, rows, given if isinstance(given, (list, tuple)) else argument


def _as_it_is_now(argument: Any) -> Any:
    """A copy of a list, so that what is checked is what is read, whatever another thread puts into the original."""
    return argument.copy() if type(argument) is list else argument


def _plain_array(argument: Any, position: int) -> Any:
    """A plain array of the numbers that lists, or an array of another class, hold."""
    import numpy as np

    _refuse_what_shows_others(argument, position)
    try:
        found = np.asarray(argument)
    except ValueError:
        raise ValueError(f"argument {position} is ragged: its samples must all have the same length") from None
    are_listed_ints = found.dtype.kind in "iu" and isinstance(argument, (list, tuple))
    return np.asarray(argument, float) if are_listed_ints and _have_own_floats(argument, found.ndim) else found


def _refuse_what_shows_others(argument: Any, position: int) -> None:
    """Refuse lists and arrays that show other numbers than those NumPy finds in them.

    Raises:
        TypeError: entries are masked, or a class has its own way of showing them.
    """
    parts = argument if isinstance(argument, (list, tuple)) else ()
    kinds = {kind for kind in {type(argument), *map(type, parts)} if kind.__module__ not in ("builtins", "numpy")}
    for thing in (argument, *parts) if kinds else ():
        kind = type(thing)
        if kind in kinds and _has_mask(thing):
            raise TypeError(f"argument {position} is a masked array with gaps: fill them, or leave those samples out")
        if kind in kinds and _shows_others(thing):
            raise TypeError(
                f"argument {position} is or holds a {kind.__name__}, whose own class may show other numbers than NumPy "
                "finds in it: give a plain list or array of those that are meant"
            )


def _has_mask(argument: Any) -> bool:
    """Whether entries of an array are masked, which an array of plain numbers would not show."""
    mask = getattr(argument, "mask", None)
    return hasattr(argument, "filled") and mask is not None and bool(mask.any())


def _shows_others(thing: Any) -> bool:
    """Whether a list or tuple shows other objects than it holds; for an array, whether its class might."""
    owners = [next((base for base in type(thing).__mro__ if name in vars(base)), object) for name in _SHOWING]
    if all(owner.__module__.partition(".")[0] in ("builtins", "numpy") for owner in owners):
        return False
    if not isinstance(thing, (list, tuple)):
        return hasattr(thing, "__array_finalize__")
    held = [*(list.__iter__ if isinstance(thing, list) else tuple.__iter__)(thing)]  # type: ignore[arg-type]  # it is one
    ways = [*thing], [thing[k] for k in range(len(thing))]
    return any(len(way) != len(held) or not all(map(is_, way, held)) for way in ways)


def _have_own_floats(numbers: Any, depth: int) -> bool:
    """Whether ints in lists of this depth are of a class whose floats may differ: NumPy would take the ints."""
    for _ in range(depth - 1):
        numbers = chain.from_iterable(numbers)
    return any(issubclass(kind, int) and kind.__float__ is not int.__float__ for kind in {*map(type, numbers)})


def _as_lists(argument: Any, position: int) -> tuple[int, Shape, list[list[float]], Any]:
    _refuse_what_shows_others(argument, position)
    samples = argument.tolist() if hasattr(argument, "tolist") else argument
    if not isinstance(samples, (list, tuple)):
        raise TypeError(f"argument {position} is {samples!r}: give a list or array with one entry for each sample")
    rows: list[list[float]] = []
    shapes = set()
    for number, sample in enumerate(samples):
        row: list[float] = []
        shapes.add(_flatten(sample, row, position, number))
        rows.append(row)
    if len(shapes) > 1:
        raise ValueError(f"argument {position} is ragged: its samples have the shapes {sorted(shapes)}")
    given = argument if hasattr(argument, "dtype") and hasattr(argument, "reshape") else samples
    return len(rows), shapes.pop() if shapes else (), rows, given


def _flatten(sample: Any, row: list[float], position: int, number: int) -> Shape:
    """Append all numbers of a sample to its row; return its shape."""
    if isinstance(sample, (list, tuple)):
        shapes = {_flatten(part, row, position, number) for part in sample}
        if len(shapes) > 1:
            raise ValueError(f"argument {position} is ragged: a sample has parts of the shapes {sorted(shapes)}")
        return (len(sample), *(shapes.pop() if shapes else ()))
    if isinstance(sample, Value) or not is_number(sample):
        fix = "a compiled function takes numbers"
        if isinstance(sample, Value):
            fix += "; to use it on Values, or inside another compiled function, call its plain one, f.function"
        kind = type(sample).__name__
        raise TypeError(f"argument {position} holds {sample!r} of type {kind} in sample {number}: {fix}")
    row.append(as_float(sample, f"argument {position}, sample {number}"))
    return ()


# ---- outputs: an array, or lists, with a row for each sample ------------------------------------------------------


def in_shape(outputs: Any, shape: Shape) -> Any:
    """Each row in the shape of what the function returned."""
    if len(shape) == 1:
        return outputs
    if isinstance(outputs, list):
        return [nested(row, shape) for row in outputs]
    return outputs.reshape(len(outputs), *shape)


def mean_of(outputs: Any) -> float:
    """The mean of the first column."""
    if isinstance(outputs, list):
        return mean(*[row[0] for row in outputs])
    import numpy as np

    with np.errstate(all="ignore"):
        return float(outputs[:, 0].mean())


def by_argument(outputs: Any, batch: Batch) -> Any:
    """The columns after the loss, one array in the shape of each argument."""
    found = []
    base = 1
    for array, shape in zip(batch.arrays, batch.shapes):
        width = len(array[0])
        if isinstance(outputs, list):
            part: Any = [nested(row[base : base + width], shape) for row in outputs]
        else:
            part = outputs[:, base : base + width].reshape(batch.size, *shape)
        found.append(part)
        base += width
    return found[0] if len(found) == 1 else found
