"""The samples of a compiled step: checked, or copied into memory that is used again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import Batch

from ...data.tables import paired


class Samples:
    """Turns the arguments of a step into a batch.

    Args:
        make: makes a batch of samples and labels.
        look: is shown what is given, before that.
    """

    def __init__(self, make: Callable[[Any, Any], Batch], look: Callable[[Any, Any], None]) -> None:
        self._make, self._look = make, look
        self._own: Batch | None = None  # memory for a batch of the last one's shape

    def checked(self, X: Any, y: Any) -> Batch:
        """Samples and labels as a batch.

        Raises:
            TypeError, ValueError: they are not samples and labels.
        """
        self._look(X, y)
        batch = self._make(*paired(X, y))
        own = self._own
        if own is None or (own.size, own.shapes) != (batch.size, batch.shapes):
            self._own = batch.copied() if batch.is_small else None
        return batch

    def expect(self, batch: Batch) -> None:
        """From now on, copy only numbers of the same types as these, where their number of bits matters."""
        if self._own is not None:
            self._own.expect(batch)

    def copied(self, X: Any, y: Any) -> Batch | None:
        """The batch, in memory that is used again, if the samples are few and shaped like the last ones.

        Raises:
            ValueError: they are ragged.
        """
        self._look(X, y)
        own = self._own
        try:
            return own if own is not None and own.refill(0, X) and own.refill(1, y) else None
        except (RuntimeError, TypeError):  # rows that are PyTorch's tensors, or one that wants gradients: see `checked`
            return None
