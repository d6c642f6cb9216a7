"""The samples of a compiled step: checked once, and read where they are as long as they are the same arrays."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from engine import Batch


class Samples:
    """Turns what a step is given into a batch.

    A few samples are copied into memory that the program is set up for, which takes less than setting it up for other
    memory; as long as one is the very array of the first step, and for many samples, it is read where it is.

    Args:
        make: makes a batch of samples and labels.
    """

    def __init__(self, make: Callable[[Any, Any], Batch]) -> None:
        self._make = make
        self._batch: Batch | None = None  # the last one
        self._there: list[_There | None] = [None, None]  # what it was made of and is read there; None: copied
        self._own: Batch | None = None  # in memory to be filled

    def again(self, X: Any, y: Any) -> bool:
        """Whether the last batch has these samples by now, be it that they were copied into it.

        Raises:
            TypeError, ValueError: they are no numbers.
        """
        batch = self._batch
        if batch is None:
            return False
        samples, labels = self._there
        if (samples is not None and not samples.holds(X)) or (labels is not None and not labels.holds(y)):
            return False
        return (samples is not None or batch.refill(0, X)) and (labels is not None or batch.refill(1, y))

    def checked(self, X: Any, y: Any) -> Batch:
        """Samples and labels as a batch.

        Raises:
            TypeError, ValueError: they are no samples and labels.
        """
        batch = self._make(X, y)
        if not batch.size:
            raise ValueError("there are no samples: give at least one")
        return batch

    def batch(self, X: Any, y: Any) -> Batch:
        """The same, in the memory of the last one if that is possible.

        Raises:
            TypeError, ValueError, IndexError: they are no samples and labels, or do not fit.
        """
        if self.again(X, y):
            assert self._batch is not None
            return self._batch
        self._batch, self._there, own = None, [None, None], self._own
        if own is not None and own.refill(0, X) and own.refill(1, y):
            self._batch = own
            return own
        batch = self.checked(X, y)
        there = [_is_view(array, given) for array, given in zip(batch.arrays, (X, y))]
        self._own = batch.copied() if batch.is_small else None
        if any(there):
            batch = self._batch = batch.copied(there)
            self._there = [_There(given) if found else None for given, found in zip((X, y), there)]
        elif self._own is not None:
            batch = self._batch = self._own
        return batch


class _There:
    """An array that is read where it is, as it was."""

    def __init__(self, array: Any) -> None:
        self._array, self._shape, self._strides, self._dtype = array, array.shape, array.strides, array.dtype
        self._held = weakref.ref(array)  # NumPy resizes no array that a weak reference points to: its memory stays

    def holds(self, given: Any) -> bool:
        """Whether this is the same array, and its numbers are where they were."""
        return (
            given is self._array
            and given.shape == self._shape
            and given.strides == self._strides
            and given.dtype is self._dtype
        )


def _is_view(array: Any, given: Any) -> bool:
    """Whether `array`, made from `given`, has its memory: of a slice, both name the whole array as their base."""
    base = getattr(array, "base", None)
    return array is given or (base is not None and (base is given or base is getattr(given, "base", None)))
