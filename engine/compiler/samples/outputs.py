"""The outputs of a program, an array or lists with a row for each sample, as users get them."""

from __future__ import annotations

from typing import Any

from ...ieee import mean
from .batch import Batch, Shape, columns_of, nested


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
    for own, shape in zip(columns_of(batch.shapes), batch.shapes):
        first, last = 1 + own.start, 1 + own.stop
        if isinstance(outputs, list):
            part: Any = [nested(row[first:last], shape) for row in outputs]
        else:
            part = outputs[:, first:last].reshape(batch.size, *shape)
        found.append(part)
    return found[0] if len(found) == 1 else found
