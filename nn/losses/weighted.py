"""Labels that have weights, and their losses: the mean over the samples of weight times loss."""

from __future__ import annotations

from collections import deque
from typing import Any

from engine import mean

from ..rows import is_row
from .named import LOSSES, LossFunction


def _weighted(loss: LossFunction) -> LossFunction:
    def weighted_loss(outputs: list[Any], labels: list[Any]) -> Any:
        return mean([weight * loss([o], [label]) for o, (label, weight) in zip(outputs, map(apart, labels))])

    weighted_loss.__qualname__ = weighted_loss.__name__ = f"weighted {getattr(loss, '__name__', 'loss')}"
    weighted_loss.weighs = loss  # type: ignore[attr-defined]  # for those who ask which loss it is
    return weighted_loss


WEIGHTED = tuple([(name, loss, _weighted(loss)) for name, loss in LOSSES.items()])
"""For each loss of this package its name, the loss, and the weighted loss: made once, so that programs are reused."""


_RECENT: deque[LossFunction] = deque(maxlen=16)
"""Weighted forms of users' losses, which the next fit asks for again."""


def weighted(loss: LossFunction) -> LossFunction:
    """The loss for labels with weights, as `with_weights` makes them.

    >>> weighted(LOSSES["mse"])([1.0, 5.0], [[0.0, 1.0], [3.0, 0.5]])
    1.5
    """
    for known in (*[known for *_, known in WEIGHTED], *_RECENT):
        if known.weighs is loss:  # type: ignore[attr-defined]  # set above
            return known
    found = _weighted(loss)
    _RECENT.append(found)
    return found


def with_weights(y: Any, weights: list[float], known_loss: bool = False) -> Any:
    """Labels with their weights: the weight stands at the end of a number or row, which is quickest to read.

    A row of one number would then look like a number, and a row of rows would be ragged: such a label comes in a pair
    with a copy of it that is filled with the weight. `apart` undoes it.

    Args:
        y: the labels.
        weights: one for each.
        known_loss: whether the loss takes floats for ints, as this package's do: then arrays remain arrays.

    >>> with_weights([2, [0, 1], [3], [[1], [0]]], [1.0, 0.5, 2.0, 0.0])
    [[2, 1.0], [0, 1, 0.5], [[3], [2.0]], [[[1], [0]], [[0.0], [0.0]]]]
    """
    is_plain = getattr(y, "ndim", 0) == 1 or (getattr(y, "ndim", 0) == 2 and y.shape[1] > 1)
    if known_loss and is_plain and y.dtype.kind in "iuf":
        import numpy as np

        return np.column_stack((y, weights))
    if all(issubclass(kind, (int, float)) for kind in {*map(type, y)}):
        return [[label, weight] for label, weight in zip(y, weights)]
    return [_together(label, weight) for label, weight in zip(y, weights)]


def _together(label: Any, weight: float) -> list[Any]:
    if not is_row(label):
        return [label, weight]
    return [label, _filled(label, weight)] if len(label) < 2 or any(map(is_row, label)) else [*label, weight]


def _filled(label: Any, weight: float) -> Any:
    return [_filled(part, weight) for part in label] or [weight] if is_row(label) else weight


def apart(together: Any) -> tuple[Any, Any]:
    """A label and its weight.

    >>> [apart(each)[0] for each in with_weights([2, [0, 1], [3], [[1], [0]]], [1.0, 0.5, 2.0, 0.0])]
    [2, [0, 1], [3], [[1], [0]]]
    """
    *label, weight = together
    while is_row(weight):
        weight = weight[0]
    return label[0] if len(label) == 1 else label, weight
