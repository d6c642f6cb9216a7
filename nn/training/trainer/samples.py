"""The samples of a compiled step: checked, or copied into memory that is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import Batch


class Samples:
    """Turns what a step is given into a batch.

    Args:
        make: makes a batch of samples and labels.
    """

    def __init__(self, make: Callable[[Any, Any], Batch]) -> None:
        self._make = make
        self._own: Batch | None = None  # of the shape of the last one, in memory to be filled

    def checked(self, X: Any, y: Any) -> Batch:
        """Samples and labels as a batch.

        Raises:
            TypeError, ValueError: they are no samples and labels.
        """
        batch = self._make(X, y)
        if not batch.size:
            raise ValueError("there are no samples: give at least one")
        own = self._own
        if own is None or (own.size, own.shapes) != (batch.size, batch.shapes):
            self._own = batch.copied() if batch.is_small else None
        return batch

    def expect(self, batch: Batch) -> None:
        """Copy from now on only numbers of such types as these are, where it matters how many bits they have."""
        if self._own is not None:
            self._own.expect(batch)

    def copied(self, X: Any, y: Any) -> Batch | None:
        """The same in memory that is used again and again, if they are few and of the same shape as the last ones.

        Raises:
            TypeError, ValueError: they are no numbers.
        """
        own = self._own
        return own if own is not None and own.refill(0, X) and own.refill(1, y) else None
