"""Rows of the user's data as a loss takes them, read anew when the user's code may have changed some entries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..arguments import whole_number
from ..data.splits import chosen
from ..data.tables import paired
from ..evaluation.labels import as_targets
from ..losses.weighted import apart, with_weights


@dataclass(frozen=True)
class Rows:
    """Some samples and their labels.

    Attributes:
        X, y: all samples and labels, as the user gave them.
        count: how many there were.
        loss: the name of the loss; "" for one of the user's.
        classes: the class names, if labels are such names; else None.
        places: the places of these samples among all; None for all of them.
        weights: the weight that goes with the label of each of these; None for none.
    """

    X: Any
    y: Any
    count: int
    loss: str
    classes: list[Any] | None = None
    places: list[int] | None = None
    weights: list[float] | None = None

    def __len__(self) -> int:
        """How many of the samples these are."""
        return self.count if self.places is None else len(self.places)

    def batch_size(self, most: int | None) -> int:
        """How many of them a batch has; the last one may be smaller.

        Args:
            most: the batch size that was asked for; None for all.

        Raises:
            TypeError, ValueError: it is not a whole number of at least 1.
        """
        return len(self) if most is None else min(whole_number("batch_size", most, least=1), len(self))

    @cached_property
    def first(self) -> tuple[Any, Any]:
        """Samples and labels as the training found them."""
        return self.read()

    @property
    def labels(self) -> Any:
        """The labels as the training found them, without their weights."""
        y = self.first[1]
        return y if self.weights is None else [apart(each)[0] for each in y]

    def read(self) -> tuple[Any, Any]:
        """Samples and labels, with the entries that they have now; the user's own objects if they can be used as such.

        Raises:
            TypeError, ValueError: they are no longer samples and labels, or not as many.
        """
        X, y = paired(self.X, self.y)
        if len(X) != self.count:
            raise ValueError(
                f"X had {self.count} samples when the training began, and has {len(X)} now: only entries may change"
            )
        if self.classes is not None:
            y = as_targets(y, self.classes, self.loss)
        if self.places is not None:
            X, y = chosen(X, self.places), chosen(y, self.places)
        if self.weights is not None:
            y = with_weights(y, self.weights, known_loss=bool(self.loss))
        return X, y
