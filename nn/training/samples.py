"""The samples of a compiled step: checked once, and read where they are as long as they are the same arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine import Batch


class Checker(Protocol):
    """What refuses samples that do not fit the program."""

    def accepts(self, batch: Batch) -> bool:
        """Whether the samples have the shapes of the program."""


class Samples:
    """Turns what a step is given into a batch.

    Args:
        make: makes a batch of samples and labels.
    """

    def __init__(self, make: Callable[[Any, Any], Batch]) -> None:
        self._make = make
        self._last: tuple[Any, Any, Batch] | None = None  # what was given, where the program may read it in place
        self._own: Batch | None = None  # else: memory that the program is set up for, to be filled

    def in_place(self, X: Any, y: Any) -> bool:
        """Whether the last batch is read where these arrays are, so that what changes in them counts."""
        return self._last is not None and X is self._last[0] and y is self._last[1]

    def checked(self, X: Any, y: Any) -> Batch:
        """Samples and labels as a batch.

        Raises:
            TypeError, ValueError: they are no samples and labels.
        """
        batch = self._make(X, y)
        if not batch.size:
            raise ValueError("there are no samples: give at least one")
        return batch

    def batch(self, X: Any, y: Any, checker: Checker | None) -> Batch:
        """The same, in the memory of the last one if that is possible.

        Raises:
            TypeError, ValueError, IndexError: they are no samples and labels, or do not fit.
        """
        if self._last is not None and X is self._last[0] and y is self._last[1]:
            return self._last[2]
        own = self._own
        if own is not None and checker is not None and checker.accepts(own) and own.refill(X, y):
            return own
        batch = self.checked(X, y)
        views = [_is_view(array, given) for array, given in zip(batch.arrays, (X, y))]
        self._last = (X, y, batch) if all(views) else None  # a copy would not see what is changed in place
        self._own = batch.copied() if batch.is_small else None
        return batch


def _is_view(array: Any, given: Any) -> bool:
    """Whether `array`, made from `given`, has its memory: of a slice, both name the whole array as their base."""
    base = getattr(array, "base", None)
    return array is given or (base is not None and (base is given or base is getattr(given, "base", None)))
