"""Losses that score place by place: predictions and targets of the same nesting, paired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import Value

from ..arguments import counted, real_number
from ..rows import Numbers, as_row, is_row, only, same_length
from .reduction import Loss, check_reduction, reduced


def place_by_place(formula: Callable[[Any, Any], Loss], prediction: Numbers, target: Numbers, reduction: str) -> Loss:
    """The losses of all pairs in equal places, reduced.

    Raises:
        TypeError: if something is not a number.
        ValueError: if lengths differ, nothing is given, or the reduction is unknown; and as the formula raises it.
    """
    check_reduction(reduction)
    return reduced(_pair(formula, prediction, target), reduction)


def _pair(formula: Callable[[Any, Any], Loss], prediction: Any, target: Any) -> Loss:
    """`formula` of each pair in equal places, nested in the same way."""
    if is_row(prediction) and is_row(target):
        predictions, targets = as_row("predictions", prediction), as_row("targets", target)
        same_length("prediction", predictions, "target", targets)
        return [_pair(formula, p, t) for p, t in zip(predictions, targets)]
    prediction, target = only(prediction), only(target)
    if is_row(prediction) or is_row(target):
        sizes = [counted(len(side), "value") if is_row(side) else "one number" for side in (prediction, target)]
        remedy = (
            "give the model one output, or a row of targets for each sample"
            if is_row(prediction)
            else "give the model an output for each, or one target for each sample"
        )
        raise ValueError(
            f"a prediction of {sizes[0]} against a target of {sizes[1]}, and nothing is broadcast: {remedy}"
        )
    if isinstance(prediction, bool) or not isinstance(prediction, (Value, int, float)):
        prediction = real_number("a prediction", prediction)  # a bool is refused: it is a decision, not a score
    return formula(prediction, target)
