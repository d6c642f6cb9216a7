"""The samples of a compiled step: checked once, and read where they are as long as they are the same arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import Batch


class Samples:
    """Turns what a step is given into a batch.

    A few samples are copied into memory that the program is set up for, which takes less than setting it up for other
    memory; as long as they are the very arrays of the first step, and for many samples, they are read where they are.

    Args:
        make: makes a batch of samples and labels.
    """

    def __init__(self, make: Callable[[Any, Any], Batch]) -> None:
        self._make = make
        self._given: tuple[Any, Any] | None = None  # what the batch was made of, if it is read there
        self._batch: Batch | None = None  # the last one
        self._own: Batch | None = None  # in memory to be filled

    def again(self, X: Any, y: Any) -> bool:
        """Whether the last batch has these samples by now, be it that they were copied into it.

        Raises:
            TypeError, ValueError: they are no numbers.
        """
        if self._given is not None:
            return X is self._given[0] and y is self._given[1]
        return self._batch is not None and self._batch is self._own and self._own.refill(X, y)

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
        if self._batch is not None and self.again(X, y):
            return self._batch
        if self._own is not None and self._own.refill(X, y):
            self._given, self._batch = None, self._own
            return self._own
        self._batch = batch = self.checked(X, y)
        views = [_is_view(array, given) for array, given in zip(batch.arrays, (X, y))]
        self._given = (X, y) if all(views) else None  # a copy would not see what is changed in place
        self._own = batch.copied() if batch.is_small else None
        return batch


def _is_view(array: Any, given: Any) -> bool:
    """Whether `array`, made from `given`, has its memory: of a slice, both name the whole array as their base."""
    base = getattr(array, "base", None)
    return array is given or (base is not None and (base is given or base is getattr(given, "base", None)))
