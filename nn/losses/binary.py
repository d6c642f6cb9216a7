"""Losses for two classes: hinge, and cross-entropy of probabilities and of logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import Value, is_traced, log, log1p, relu, require, softplus, where

from ..elsewhere import explained
from ..rows import Numbers
from .activated import warn_of_activated
from .labels import PROBABILITY, SIGN, Number, checked, without_unused
from .places import place_by_place
from .reduction import Loss

_PREDICTED = Number("a probability", 0.0, 1.0, remedy="for raw scores use bce_with_logits")


@explained
def hinge(score: Numbers, label: Numbers, reduction: str = "mean") -> Loss:
    """Hinge loss of support vector machines, max(0, 1 - label * score), for the labels -1 and 1.

    Args:
        score: Values or numbers, nested to any depth; positive stands for the label 1.
        label: -1 or 1 (or Values, taken unchecked), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is not a number, or only the label is a Value, as if the two were swapped.
        ValueError: if a label is neither -1 nor 1, lengths differ, nothing is given, or the reduction is unknown.

    >>> from engine import Value
    >>> hinge([Value(0.5), Value(-3.0)], [1, -1]).data
    0.25
    """
    return place_by_place(_hinge, score, label, reduction)


@explained
def bce(probability: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Binary cross-entropy of a probability: -(y log p + (1 - y) log(1 - p)).

    A term of weight 0 is left out, so p = y = 0 gives 0 and p = 0, y = 1 gives inf (PyTorch cuts it at 100). In
    compiled code a probability that parameters bring below 0 or above 1 gives nan. Where probabilities come from a
    sigmoid, `bce_with_logits` keeps the digits that rounding to 0 or 1 loses.

    Args:
        probability: Values or numbers from 0 to 1, nested to any depth.
        target: numbers from 0 to 1 (or Values, taken unchecked), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is not a number, or only the label is a Value, as if the two were swapped.
        ValueError: if a probability or target is not in [0, 1], lengths differ, nothing is given, or the
            reduction is unknown.

    >>> from engine import Value
    >>> round(bce(Value(0.25), 1).data, 6)
    1.386294
    """
    return place_by_place(_bce, probability, target, reduction)


@explained
def bce_with_logits(logit: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Binary cross-entropy of sigmoid(logit), y softplus(-x) + (1 - y) softplus(x).

    Its derivative sigmoid(x) - y is accurate at every x, 0 and 1e4 included.

    Args:
        logit: Values or numbers, nested to any depth; positive stands for the class 1.
        target: numbers from 0 to 1 (or Values, taken unchecked), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is not a number, or only the label is a Value, as if the two were swapped.
        ValueError: if a target is not in [0, 1], lengths differ, nothing is given, or the reduction is unknown.

    >>> from engine import Value
    >>> bce_with_logits([Value(1e4), Value(-1e4)], [1, 1]).data
    5000.0
    """
    return place_by_place(_bce_with_logits, logit, target, reduction)


def _refuse_swapped(loss: str, score: Any, label: Any) -> None:
    """Raise a TypeError for a Value as a label beside a number as a score, which is no output of a model."""
    if isinstance(label, Value) and not (isinstance(score, Value) or is_traced(label)):
        raise TypeError(
            f"{loss} takes outputs, then labels: swap {score!r} and {label!r}, or, for the gradient of the label, give "
            f"Value({score!r})"
        )


def _hinge(score: Any, label: Any) -> Loss:
    _refuse_swapped("hinge", score, label)
    warn_of_activated("hinge", score)
    return relu(1.0 - checked(label, SIGN) * score)


def _bce(probability: Any, target: Any) -> Loss:
    _refuse_swapped("bce", probability, target)
    if is_traced(probability) or is_traced(target):
        if not require(_PREDICTED, probability):  # its parameters are not known yet
            inside = where(probability < 0.0, False, probability <= 1.0)
            probability = where(inside, 1.0, math.nan) * probability
    else:
        _PREDICTED.check(float(probability))
    return -_either(target, lambda: log(probability), lambda: log1p(-probability))


def _bce_with_logits(logit: Any, target: Any) -> Loss:
    _refuse_swapped("bce_with_logits", logit, target)
    warn_of_activated("bce_with_logits", logit)
    return _either(target, lambda: softplus(-logit), lambda: softplus(logit))


def _either(target: Any, if_one: Callable[[], Loss], if_zero: Callable[[], Loss]) -> Loss:
    """Target * if_one + (1 - target) * if_zero; for a label, without a term of weight 0, since 0 * inf is nan."""
    if isinstance(target, Value):
        if require(PROBABILITY, target):
            used = without_unused(target, if_one()), without_unused(target, if_zero(), unused=1.0)
            return target * used[0] + (1.0 - target) * used[1]
        return target * if_one() + (1.0 - target) * if_zero()
    share = PROBABILITY.check(target)
    if 0.0 < share < 1.0:
        return share * if_one() + (1.0 - share) * if_zero()
    return if_one() if share == 1.0 else if_zero()
