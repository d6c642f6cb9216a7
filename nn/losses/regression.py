"""Losses for regression: squared and absolute errors."""

from __future__ import annotations

from typing import Any

import engine
from engine import square

from ..elsewhere import explained
from ..rows import Numbers
from .labels import TARGET, checked
from .places import place_by_place
from .reduction import Loss


@explained
def mse(prediction: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Mean squared error, (prediction - target)²: with the identity activation at the output, for regression.

    Args:
        prediction: Values or numbers, nested to any depth.
        target: finite numbers (or Values), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is not a number.
        ValueError: if lengths differ, nothing is given, a target is nan or infinite, or the reduction is unknown.

    >>> from engine import Value
    >>> mse([Value(1.0), Value(4.0)], [3.0, 4.0]).data
    2.0
    """
    return place_by_place(_squared_error, prediction, target, reduction)


@explained
def mae(prediction: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Mean absolute error, ``|prediction - target|``; its derivative is 0 where both are equal.

    Args:
        prediction: as for `mse`.
        target: as for `mse`.
        reduction: as for `mse`.

    Raises:
        TypeError, ValueError: as `mse`.

    >>> from engine import Value
    >>> mae([Value(1.0), Value(4.0)], [3.0, 4.0]).data
    1.0
    """
    return place_by_place(_absolute_error, prediction, target, reduction)


def _squared_error(prediction: Any, target: Any) -> Loss:
    return square(prediction - checked(target, TARGET))


def _absolute_error(prediction: Any, target: Any) -> Loss:
    return engine.abs(prediction - checked(target, TARGET))
