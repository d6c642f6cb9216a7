"""Losses for several classes, row by row: cross-entropy of logits, and of their log_softmax."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import engine
from engine import Value, dot, is_traced, logsumexp, require, take, where

from ..arguments import counted
from ..elsewhere import explained
from ..layers.activations import log_softmax
from ..rows import as_row, has_rows, is_row, same_length
from .activated import TAKES, warn_of_activated
from .labels import ClassIndex, Distribution, without_unused
from .reduction import Loss, check_reduction, reduced

ROUNDED = 1e-3
"""How far above 0 rounding may bring the logarithm of a probability, even in float32 from large logits."""


def least_loss(name: str) -> float:
    """The least possible value of a loss: compiled code checks this instead of every output."""
    return -ROUNDED if name == "nll" else -math.inf


def too_low(loss: float) -> ValueError:
    """The error for a loss below that: `nll` was given raw outputs, with which it falls without end."""
    return _no_logarithms(f"a loss of {loss:g} says that some outputs are above 0")


def _no_logarithms(found: str) -> ValueError:
    return ValueError(
        f"nll takes logarithms of probabilities, and {found}: end the model with nn.log_softmax, not with a softmax, "
        "or train raw outputs with cross_entropy"
    )


@explained
def cross_entropy(logits: Any, target: Any, reduction: str = "mean") -> Loss:
    """Cross-entropy, -log softmax(logits)[target]: softmax with class or one-hot labels, for classification.

    It is computed from the differences to the logit of the target, so a loss near 0 keeps its digits and
    logits of 1e4 and beyond neither overflow nor cancel. A logit of inf for the target gives nan, as in PyTorch; one of
    -inf gives inf, with PyTorch's gradient. Where the target's logit lies d below the others, the gradient of these is
    exact to about d / 1e16. Do not apply softmax before.

    Args:
        logits: n numbers or Values of one sample, or a list of such rows.
        target: for each sample a class index from 0 to n - 1 (int, NumPy integer or whole float), or a row of
            n probabilities that sum to 1, such as a one-hot label.
        reduction: "mean", "sum" or "none", over the samples.

    Raises:
        TypeError: if a label is a bool or not a number.
        ValueError: if a label is fractional or nan, probabilities are negative or do not sum to 1, lengths
            differ, nothing is given, or the reduction is unknown.
        IndexError: if a class index is negative or too large.

    >>> from engine import Value
    >>> round(cross_entropy([Value(0.0), Value(0.0)], 1).data, 6)
    0.693147
    >>> row = [Value(1e4), Value(0.0)]
    >>> cross_entropy([row, row], [0, [0.0, 1.0]]).data
    5000.0
    """
    return _row_by_row("cross_entropy", _cross_entropy, logits, target, reduction)


@explained
def nll(log_probabilities: Any, target: Any, reduction: str = "mean") -> Loss:
    """Negative log-likelihood, -log_probabilities[target], of what `log_softmax` gives.

    Args:
        log_probabilities: n numbers or Values of one sample, or a list of such rows.
        target: for each sample a class index from 0 to n - 1 (int, NumPy integer or whole float), or a row of
            n probabilities that sum to 1.
        reduction: "mean", "sum" or "none", over the samples.

    Raises:
        TypeError: if a label is a bool or not a number.
        ValueError: if an output is above 0, and so not the logarithm of a probability (compiled code checks those of
            the first sample, and `fit` all losses); if a label is fractional or nan, probabilities are negative
            or do not sum to 1, lengths differ, nothing is given, or the reduction is unknown.
        IndexError: if a class index is negative or too large.

    >>> from engine import Value
    >>> nll([Value(-3.0), Value(-0.5)], 0).data
    3.0
    """
    return _row_by_row("nll", _nll, log_probabilities, target, reduction)


def _cross_entropy(logits: list[Any], target: Any) -> Loss:
    count = len(logits)
    if count == 1:
        raise ValueError(
            "cross_entropy needs two logits or more, one for each class: give the model an output for each, or for two "
            "classes one output and bce_with_logits or hinge"
        )
    if is_row(target):
        return _of_probabilities(logits, _probabilities(target, count))
    if isinstance(target, Value):
        label = require(ClassIndex(count), target)
        picked = take(target, logits)
        return _relative(logits, target, picked) if label else logsumexp([x - picked for x in logits])
    index = ClassIndex(count).check(target)
    chosen = logits[index]
    if is_traced(chosen):
        return _relative(logits, index, chosen)
    if chosen == -math.inf:
        return logsumexp(logits) - chosen
    return logsumexp([_own_margin(chosen), *[x - chosen for k, x in enumerate(logits) if k != index]])


def _own_margin(chosen: Any) -> float:
    """The chosen logit minus itself: 0, or nan if it is infinite."""
    return 0.0 if chosen < math.inf else math.nan


def _relative(logits: list[Any], label: Any, chosen: Any) -> Loss:
    """The loss from the differences to the chosen logit."""
    margins, own = _margins(logits, label, chosen)
    return logsumexp(margins) - own


def _margins(logits: list[Any], label: Any, chosen: Any) -> tuple[list[Any], Any]:
    """The differences to the chosen logit, or to 0 if that is -inf (a class ruled out); and the chosen one's own.

    Its own is multiplied by 0, so that its derivative is the sum of the others, which a term of 1 would swallow.
    """
    ruled_out = where(chosen == -math.inf, 1.0, 0.0)
    base = where(chosen == -math.inf, 0.0, chosen)
    return [(x - base) * where(label == k, ruled_out, 1.0) for k, x in enumerate(logits)], (chosen - base) * ruled_out


def _of_probabilities(logits: list[Any], weights: list[Any]) -> Loss:
    """sum_j w_j (logsumexp(x) - x_j), with every x taken relative to that of the likeliest class by the label."""
    if any(isinstance(weight, Value) for weight in weights) and not require(Distribution(len(logits)), *weights):
        return -dot(weights, log_softmax(logits))
    if any(map(is_traced, (*weights, *logits))):
        label, best, chosen = 0, weights[0], logits[0]
        for k, (weight, x) in enumerate(zip(weights[1:], logits[1:]), start=1):
            better = weight > best
            label, best, chosen = where(better, k, label), where(better, weight, best), where(better, x, chosen)
        margins, _ = _margins(logits, label, chosen)
        used = [without_unused(weight, margin) for weight, margin in zip(weights, margins)]
        return engine.sum(weights) * logsumexp(margins) - dot(weights, used)
    label = weights.index(max(weights))
    margins, rest = logits, weights
    if logits[label] != -math.inf:
        margins = [x - logits[label] if k != label else _own_margin(x) for k, x in enumerate(logits)]
        rest = [weight if k != label else 0.0 for k, weight in enumerate(weights)]
    terms = [(math.fsum(weights), logsumexp(margins)), *((-w, m) for w, m in zip(rest, margins) if w)]
    return terms[0][1] if len(terms) == 1 else dot(*zip(*terms))


def _nll(log_probabilities: list[Any], target: Any) -> Loss:
    loss = _of_logarithms(log_probabilities, target)
    for x in log_probabilities:
        if not is_traced(x) and ROUNDED < float(x) < math.inf:
            raise _no_logarithms(f"{float(x):g} is above 0")
    return loss


def _of_logarithms(log_probabilities: list[Any], target: Any) -> Loss:
    count = len(log_probabilities)
    if is_row(target):
        weights = _probabilities(target, count)
        if any(isinstance(weight, Value) for weight in weights):
            if not require(Distribution(count), *weights):
                return -dot(weights, log_probabilities)
            return -dot(weights, [without_unused(w, x) for w, x in zip(weights, log_probabilities)])
        return -dot(*zip(*[(w, x) for w, x in zip(weights, log_probabilities) if w]))
    if isinstance(target, Value):
        require(ClassIndex(count), target)
        return -take(target, log_probabilities)
    return -log_probabilities[ClassIndex(count).check(target)]


def _probabilities(target: Any, classes: int) -> list[Any]:
    """A row of probabilities, checked if they are numbers."""
    weights = as_row("target", target)
    if len(weights) == 1 < classes:
        raise ValueError(
            f"a row of one number is not a label for {classes} logits: give class indices, y.squeeze(1) of a column"
        )
    if len(weights) != classes:
        raise ValueError(
            f"{counted(len(weights), 'probability', 'probabilities')} against {classes} logits: give one for each class"
        )
    if any(isinstance(weight, Value) for weight in weights):
        return weights
    return Distribution(classes).check(*weights)


def _row_by_row(loss: str, formula: Callable[[list[Any], Any], Loss], scores: Any, target: Any, reduction: str) -> Loss:
    check_reduction(reduction)
    rows = as_row("logits", scores)
    if loss in TAKES:
        warn_of_activated(loss, *(as_row("logits", rows[0]) if is_row(rows[0]) else rows))
    if not is_row(rows[0]):
        if has_rows(target):
            raise TypeError(f"{loss} takes the logits of samples, then a label for each: swap them")
        return formula(_scores(rows), target)
    targets = as_row("targets", target)
    same_length("logit row", rows, "target", targets)
    return reduced([formula(_scores(as_row("logits", row)), t) for row, t in zip(rows, targets)], reduction)


def _scores(row: list[Any]) -> list[Any]:
    """A row of scores, checked to hold neither bools, which are decisions, nor rows, such as those of a sequence."""
    if is_row(row[0]):
        raise TypeError(
            "a sample has several rows of scores, such as one per position of a sequence, and a loss for classes takes "
            "one: pool them in the model, or, with a label for each position, give nn.per_sample of this loss"
        )
    if bool in {*map(type, row)}:
        raise TypeError(f"a row of scores holds a bool: {row}; give the scores that it was decided by")
    return row
