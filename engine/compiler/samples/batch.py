"""Samples laid out in rows: the arguments of a call, each with an entry for every sample."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, chain, pairwise
from typing import Any

from ...numbers import differs_from_float, unusual_kinds
from ...value import Value
from .arrays import as_it_is_now, plain_array
from .masks import Masks
from .memory import aligned

SMALL = 65536  # bytes: copying this few is faster than setting up a program for other memory

Shape = tuple[int, ...]
"""The shape of one sample: () for a number, (n,) for a list of n, ..."""


@dataclass(frozen=True)
class Batch:
    """The arguments of one call.

    Attributes:
        size: how many samples.
        shapes: the shape of each argument for one sample.
        arrays: each argument as `size` rows: a C-contiguous 2-D array, or a list of lists without NumPy.
        given: the arguments as they were given, with the types of their numbers and all digits: arrays or lists.
        kinds: by position, the NumPy types of the numbers that arguments are expected to hold.
        masks: what each step of a training draws for columns of the first argument, whatever these hold.
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
            numbers = flat(given)
            width = len(numbers) // self.size
            return [numbers[place::width] for place in range(width)]
        return given.reshape(self.size, -1).T.tolist()

    @property
    def is_small(self) -> bool:
        """Whether copying the arrays costs less than setting up a program for others."""
        return not any(isinstance(a, list) for a in self.arrays) and sum(a.nbytes for a in self.arrays) <= SMALL

    def copied(self) -> Batch:
        """A copy in memory of its own."""
        arrays = tuple(map(_copy, self.arrays))
        given = [  # NumPy takes None for float64
            new.reshape(self.size, *shape)
            if hasattr(old, "dtype") and hasattr(new, "dtype") and old.dtype == new.dtype
            else _apart(old)
            for old, new, shape in zip(self.given, arrays, self.shapes)
        ]
        return Batch(self.size, self.shapes, arrays, given, masks=self.masks)

    def as_arrays(self) -> Batch:
        """The same samples, as if arrays had been given in place of lists, which take longer to check.

        For samples that have been checked as they were given, where the types of their numbers do not matter.
        """
        arrays = [
            given if hasattr(given, "dtype") or isinstance(array, list) else array.reshape(self.size, *shape)
            for given, array, shape in zip(self.given, self.arrays, self.shapes)
        ]
        return replace(self, given=arrays)

    def refill(self, place: int, argument: Any) -> bool:
        """Take over another argument, if it is an array or list of as many samples of the same shape.

        Numbers of few bits are not taken where other types are expected.

        Raises:
            TypeError, ValueError: it holds what is no real number, or is ragged.
        """
        view, argument = self.in_shape[place], as_it_is_now(argument)
        array: Any = argument if type(argument) is type(view) else plain_array(argument, place + 1)
        if array.shape != view.shape or array.dtype.kind not in "fiub":
            return False
        kind = array.dtype
        known = self.kinds.get(place, kind)
        other = kind != known and (differs_from_float(kind.type) or differs_from_float(known.type))
        if other or (place in self.kinds and isinstance(argument, (list, tuple)) and unusual_kinds(argument)):
            return False  # a function may do something else with these
        view[...] = array
        self.given[place] = argument if isinstance(argument, (list, tuple)) else array
        return True

    def expect(self, other: Batch) -> None:
        """From now on, `refill` only with numbers of the same types as these, where their number of bits matters."""
        self.kinds.update({k: plain_array(given, k + 1).dtype for k, given in enumerate(other.given)})

    @cached_property
    def in_shape(self) -> list[Any]:
        """The arrays in the shapes of the arguments."""
        return [array.reshape(self.size, *shape) for array, shape in zip(self.arrays, self.shapes)]

    def arrays_as(self, lists: bool) -> tuple[Any, ...]:
        """The arrays, or lists of their rows, for programs that take these."""
        return tuple([a if isinstance(a, list) else a.tolist() for a in self.arrays]) if lists else self.arrays

    def rows(self, rows: Sequence[int]) -> Batch:
        """Some of the samples."""
        arrays = [[a[k] for k in rows] if isinstance(a, list) else a[rows] for a in self.arrays]
        given = [[a[k] for k in rows] if isinstance(a, (list, tuple)) else a[rows] for a in self.given]
        return Batch(len(rows), self.shapes, tuple(arrays), given, masks=self.masks)

    def later(self, steps: int) -> Batch:
        """The samples, with the masks of that many steps later, still to be drawn."""
        masks = self.masks
        return self if masks is None else replace(self, masks=masks._replace(step=masks.step + steps))

    def drawn(self, later: int) -> Batch:
        """The samples with the masks of a step, `later` steps after the first one."""
        if self.masks is None:
            return self
        first = self.masks.drawn(self.arrays[0], later)
        return Batch(self.size, self.shapes, (first, *self.arrays[1:]), [first, *self.given[1:]])

    def first_as_values(self, entirely: bool) -> list[Any]:
        """The arguments of the first sample: Values in nested lists.

        Args:
            entirely: whether rows that were given as arrays are arrays here, too.
        """
        found = []
        for given, array, shape in zip(self.given, self.arrays, self.shapes):
            values = nested([Value(float(x)) for x in array[0]], shape)
            if entirely and shape and hasattr(given[0], "dtype"):
                import numpy as np

                values = np.array(values, object)
            found.append(values)
        return found

    def first_as_given(self, entirely: bool = False) -> list[Any]:
        """The arguments of the first sample as they were given, but rounded like those that a program reads.

        Args:
            entirely: whether to keep the types of numbers and lists, and all digits.
        """
        if entirely:
            arrays = [g.reshape(self.size, *s) if hasattr(g, "dtype") else g for g, s in zip(self.given, self.shapes)]
            return [array[0] for array in arrays]
        found = []
        for given, array, shape in zip(self.given, self.arrays, self.shapes):
            exact = isinstance(array, list) or array.dtype == "float64"
            found.append(nested(flat(given[0]) if exact else array[0].tolist(), shape))
        return found


def columns_of(shapes: Iterable[Shape]) -> list[range]:
    """Where the numbers of each argument stand among all numbers of a sample.

    >>> columns_of([(2, 2), (), (3,)])
    [range(0, 4), range(4, 5), range(5, 8)]
    """
    ends = accumulate(map(math.prod, shapes), initial=0)
    return [range(start, end) for start, end in pairwise(ends)]


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
    """The numbers in nested lists, tuples or arrays, in order.

    >>> flat([[1, 2], [[3]], 4])
    [1, 2, 3, 4]
    """
    parts = [samples]
    while any(issubclass(kind, (list, tuple)) for kind in {*map(type, parts)}):
        parts = [*chain.from_iterable([part if isinstance(part, (list, tuple)) else [part] for part in parts])]
    if not any(hasattr(kind, "tolist") for kind in {*map(type, parts)}):
        return parts
    parts = [part.tolist() if hasattr(part, "tolist") else part for part in parts]
    return flat(parts) if list in map(type, parts) else parts


def _apart(given: Any) -> Any:
    """A copy of an argument that nobody else can change: the rows in it are copied too."""
    if not isinstance(given, (list, tuple)):
        return copy.deepcopy(given)
    if {*map(type, given)} <= {int, float, bool}:  # as in most rows
        return copy.copy(given)
    return [*map(_apart, given)] if isinstance(given, list) else tuple(map(_apart, given))


def _copy(array: Any) -> Any:
    """A copy, on a cache line if it is an array."""
    if isinstance(array, list):
        return array.copy()
    new = aligned(array.size, array.dtype, kept=False).reshape(array.shape)
    new[...] = array
    return new
