"""The losses of the package, by name: means over samples, unless a reduction is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from .binary import bce, bce_with_logits, hinge
from .classes import cross_entropy, nll
from .regression import mae, mse

LossFunction: TypeAlias = Callable[[list[Any], list[Any]], Any]
"""A function from the outputs and labels of a batch to one Value, such as `nn.mse`."""

LOSSES: dict[str, Callable[..., Any]] = {
    loss.__name__: loss for loss in (mse, mae, hinge, bce, bce_with_logits, cross_entropy, nll)
}

OF_ROWS = frozenset({cross_entropy, nll})
"""Those that take a row of numbers for each sample: given plain numbers, they take these for the row of one sample."""
