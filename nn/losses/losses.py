"""Losses: each scores predictions against labels with one number, which training makes small.

Nesting tells one sample from a batch: `cross_entropy([v, v, v], 2)` scores one row of logits,
`cross_entropy([[v, v, v], ...], [2, ...])` one row for each sample. The others score place by place, at any
nesting: `mse(v, 3.0)`, `mse([v, ...], [3.0, ...])`. A list of one output, as `Layer` and `MLP` return it,
pairs with a bare number. Lengths must match: nothing is broadcast.

`reduction` is "mean" over all samples (places), "sum", or "none" for each loss, nested as they came. Labels
that are numbers are checked; a Value as a label joins the graph unchecked, and gradients flow into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import engine
from engine import Value, dot, log, log1p, logsumexp, relu, softplus, square, take

from ..arguments import Numbers, as_row, class_index, is_row, plain, real_number, same_length
from ..layers.activations import log_softmax
from .reduction import Loss, check_reduction, reduced

# ---- regression and two classes: place by place ----


def mse(prediction: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Mean squared error, (prediction - target)²: with the identity activation at the output, for regression.

    Args:
        prediction: Values or numbers, nested to any depth.
        target: finite numbers (or Values), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is no number.
        ValueError: if lengths differ, nothing is given, a target is nan or infinite, or the reduction is
            unknown.

    >>> mse([Value(1.0), Value(4.0)], [3.0, 4.0]).data
    2.0
    """
    return _place_by_place(_squared_error, prediction, target, reduction)


def mae(prediction: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Mean absolute error, |prediction - target|; its derivative is 0 where both are equal.

    Args:
        prediction: Values or numbers, nested to any depth.
        target: finite numbers (or Values), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is no number.
        ValueError: if lengths differ, nothing is given, a target is nan or infinite, or the reduction is
            unknown.

    >>> mae([Value(1.0), Value(4.0)], [3.0, 4.0]).data
    1.0
    """
    return _place_by_place(_absolute_error, prediction, target, reduction)


def hinge(score: Numbers, label: Numbers, reduction: str = "mean") -> Loss:
    """Hinge loss of support vector machines, max(0, 1 - label * score), for the labels -1 and 1.

    Args:
        score: Values or numbers, nested to any depth; positive stands for the label 1.
        label: -1 or 1 (or Values), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is no number.
        ValueError: if a label is neither -1 nor 1, lengths differ, nothing is given, or the reduction is
            unknown.

    >>> hinge([Value(0.5), Value(-3.0)], [1, -1]).data
    0.25
    """
    return _place_by_place(_hinge, score, label, reduction)


def bce(probability: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Binary cross-entropy of a probability: -(y log p + (1 - y) log(1 - p)).

    A term of weight 0 is left out, so p = y = 0 gives 0 and p = 0, y = 1 gives inf (PyTorch cuts it at 100).
    Where probabilities come from a sigmoid, `bce_with_logits` keeps the digits that rounding to 0 or 1 loses.

    Args:
        probability: Values or numbers from 0 to 1, nested to any depth.
        target: numbers from 0 to 1 (or Values), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is no number.
        ValueError: if a probability or target is not in [0, 1], lengths differ, nothing is given, or the
            reduction is unknown.

    >>> round(bce(Value(0.25), 1).data, 6)
    1.386294
    """
    return _place_by_place(_bce, probability, target, reduction)


def bce_with_logits(logit: Numbers, target: Numbers, reduction: str = "mean") -> Loss:
    """Binary cross-entropy of sigmoid(logit), y softplus(-x) + (1 - y) softplus(x).

    Its derivative sigmoid(x) - y is accurate at every x, 0 and 1e4 included.

    Args:
        logit: Values or numbers, nested to any depth; positive stands for the class 1.
        target: numbers from 0 to 1 (or Values), nested likewise.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: if something is no number.
        ValueError: if a target is not in [0, 1], lengths differ, nothing is given, or the reduction is
            unknown.

    >>> bce_with_logits([Value(1e4), Value(-1e4)], [1, 1]).data
    5000.0
    """
    return _place_by_place(_bce_with_logits, logit, target, reduction)


def _squared_error(prediction: Any, target: Any) -> Loss:
    return square(prediction - _checked(target, "a target"))


def _absolute_error(prediction: Any, target: Any) -> Loss:
    return engine.abs(prediction - _checked(target, "a target"))


def _hinge(score: Any, label: Any) -> Loss:
    label = _checked(label, "a hinge label")
    if not isinstance(label, Value) and label not in (-1.0, 1.0):
        raise ValueError(f"hinge labels are -1 and 1, not {label:g}: turn 0 and 1 into them with 2 * label - 1")
    return relu(1.0 - label * score)


def _bce(probability: Any, target: Any) -> Loss:
    target = _checked(target, "a target", 0.0, 1.0)
    if not isinstance(target, Value):
        real_number("a probability (for raw scores use bce_with_logits)", float(probability), 0.0, 1.0)
    return -_either(target, lambda: log(probability), lambda: log1p(-probability))


def _bce_with_logits(logit: Any, target: Any) -> Loss:
    target = _checked(target, "a target", 0.0, 1.0)
    return _either(target, lambda: softplus(-logit), lambda: softplus(logit))


def _either(target: Any, if_one: Callable[[], Loss], if_zero: Callable[[], Loss]) -> Loss:
    """The sum target * if_one + (1 - target) * if_zero without a term of weight 0, since 0 * inf is nan."""
    if isinstance(target, Value) or 0.0 < target < 1.0:
        return target * if_one() + (1.0 - target) * if_zero()
    return if_one() if target == 1.0 else if_zero()


def _place_by_place(formula: Callable[[Any, Any], Loss], prediction: Numbers, target: Numbers, reduction: str) -> Loss:
    check_reduction(reduction)
    return reduced(_pair(formula, prediction, target), reduction)


def _pair(formula: Callable[[Any, Any], Loss], prediction: Any, target: Any) -> Loss:
    """`formula` on the pairs of equal place, nested as they are."""
    if is_row(prediction) and is_row(target):
        predictions, targets = as_row("predictions", prediction), as_row("targets", target)
        same_length("predictions", predictions, "targets", targets)
        return [_pair(formula, p, t) for p, t in zip(predictions, targets)]
    prediction, target = _only(prediction), _only(target)
    if is_row(prediction) or is_row(target):
        sizes = [f"{len(side)} values" if is_row(side) else "one" for side in (prediction, target)]
        raise ValueError(f"a prediction of {sizes[0]} against a target of {sizes[1]}: nothing is broadcast")
    if not isinstance(prediction, (Value, int, float)):
        prediction = real_number("a prediction", prediction)
    return formula(prediction, target)


def _only(item: Any) -> Any:
    """The item of a row of one, as Layer and MLP return it for one output; anything else as it is."""
    return item[0] if is_row(item) and len(item) == 1 else item


def _checked(target: Any, name: str, least: float = -math.inf, most: float = math.inf) -> Any:
    return target if isinstance(target, Value) else real_number(name, target, least, most)


# ---- several classes: row by row ----


def cross_entropy(logits: Any, target: Any, reduction: str = "mean") -> Loss:
    """Cross-entropy, -log softmax(logits)[target]: softmax with class or one-hot labels, for classification.

    It is computed from the differences to the logit of the target, so a loss near 0 keeps its digits and
    logits of 1e4 and beyond neither overflow nor cancel. Do not apply softmax before.

    Args:
        logits: n numbers or Values of one sample, or a list of such rows.
        target: for each sample a class index from 0 to n - 1 (int, NumPy integer or whole float), or a row of
            n probabilities that sum to 1, such as a one-hot label.
        reduction: "mean", "sum" or "none", over the samples.

    Raises:
        TypeError: if a label is a bool or no number.
        ValueError: if a label is fractional or nan, probabilities are negative or do not sum to 1, lengths
            differ, nothing is given, or the reduction is unknown.
        IndexError: if a class index is negative or too large.

    >>> round(cross_entropy([Value(0.0), Value(0.0)], 1).data, 6)
    0.693147
    >>> cross_entropy([[Value(1e4), Value(0.0)], [Value(1e4), Value(0.0)]], [0, [0.0, 1.0]]).data
    5000.0
    """
    return _row_by_row(_cross_entropy, logits, target, reduction)


def nll(log_probabilities: Any, target: Any, reduction: str = "mean") -> Loss:
    """Negative log-likelihood, -log_probabilities[target], of what `log_softmax` gives.

    Args:
        log_probabilities: n numbers or Values of one sample, or a list of such rows.
        target: for each sample a class index from 0 to n - 1 (int, NumPy integer or whole float), or a row of
            n probabilities that sum to 1.
        reduction: "mean", "sum" or "none", over the samples.

    Raises:
        TypeError: if a label is a bool or no number.
        ValueError: if a label is fractional or nan, probabilities are negative or do not sum to 1, lengths
            differ, nothing is given, or the reduction is unknown.
        IndexError: if a class index is negative or too large.

    >>> nll([Value(-3.0), Value(-0.5)], 0).data
    3.0
    """
    return _row_by_row(_nll, log_probabilities, target, reduction)


def _cross_entropy(logits: list[Any], target: Any) -> Loss:
    if len(logits) == 1:
        raise ValueError("cross_entropy needs two logits or more: for one output use bce_with_logits or hinge")
    if isinstance(target, Value):
        picked = take(target, logits)
        return logsumexp([x - picked for x in logits])
    if not is_row(target):
        label = class_index(target, len(logits))
        return logsumexp([0.0, *_margins(logits, label)])
    weights = _distribution(target, len(logits))
    if any(isinstance(weight, Value) for weight in weights):
        return -dot(weights, log_softmax(logits))
    label = weights.index(max(weights))
    total = math.fsum(weights)
    del weights[label]
    margins = _margins(logits, label)
    # sum_j w_j (logsumexp(x) - x_j), with every x taken relative to the likeliest one
    terms = [(total, logsumexp([0.0, *margins])), *((-w, m) for w, m in zip(weights, margins) if w)]
    return terms[0][1] if len(terms) == 1 else dot(*zip(*terms))


def _margins(logits: list[Any], label: int) -> list[Any]:
    """How far each other logit lies above that of the label."""
    chosen = logits[label]
    return [x - chosen for i, x in enumerate(logits) if i != label]


def _nll(log_probabilities: list[Any], target: Any) -> Loss:
    if isinstance(target, Value):
        return -take(target, log_probabilities)
    if not is_row(target):
        return -log_probabilities[class_index(target, len(log_probabilities))]
    weights = _distribution(target, len(log_probabilities))
    terms = [(w, x) for w, x in zip(weights, log_probabilities) if isinstance(w, Value) or w]
    return -dot(*zip(*terms))


def _distribution(target: Any, classes: int) -> list[Any]:
    """A row of probabilities, checked if they are numbers."""
    weights = as_row("target", target)
    if len(weights) != classes:
        raise ValueError(f"{len(weights)} probabilities against {classes} logits: give one for each class")
    if any(isinstance(weight, Value) for weight in weights):
        return weights
    numbers = (int(weight) if isinstance(weight, bool) else weight for weight in map(plain, weights))
    weights = [real_number("a probability", number, 0.0, 1.0 + 1e-6) for number in numbers]
    total = math.fsum(weights)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"the probabilities of a target sum to {total:g}: divide them by it, or give a class index")
    return weights


def _row_by_row(formula: Callable[[list[Any], Any], Loss], scores: Any, target: Any, reduction: str) -> Loss:
    check_reduction(reduction)
    rows = as_row("logits", scores)
    if not is_row(rows[0]):
        return formula(rows, target)
    targets = as_row("targets", target)
    same_length("rows of logits", rows, "targets", targets)
    return reduced([formula(as_row("logits", row), t) for row, t in zip(rows, targets)], reduction)
