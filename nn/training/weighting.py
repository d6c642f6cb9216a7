"""Samples that count more than others: by a weight of their own, or of their class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine import no_grad

from ..arguments import plain, real_number, show
from ..evaluation.programs import LossFunction, Model
from ..evaluation.rules import is_mean
from ..modes import evaluating
from ..optimisers.base import Optimizer
from ..rows import as_samples, is_row, same_length
from .mistakes.ownership import FirstCall

SEVERAL = 5
"""For how many samples a loss is compared with the mean of their losses."""


def weights_of(y: Any, sample_weight: Any, class_weight: Mapping[Any, float] | str | None) -> list[float] | None:
    """The weight of every sample; None if all count the same.

    Args:
        y: the labels as the user gave them.
        sample_weight: one number of at least 0 for each sample.
        class_weight: numbers for classes by their labels, 1 for those it leaves out; "balanced" for
            samples / (classes * samples of the class).

    Raises:
        TypeError: if one is no number, or `class_weight` neither a mapping nor "balanced"; if it leaves out a class and
            is a defaultdict or Counter, which has a number for that.
        ValueError: if one is negative, nan or infinite, all are 0, there is not one for each sample, a label is no
            class, or a class is left out while a weight names none.

    >>> weights_of([0, 0, 0, 1], None, "balanced")
    [0.6666666666666666, 0.6666666666666666, 0.6666666666666666, 2.0]
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = [1.0] * len(y)
    if sample_weight is not None:
        given = list(as_samples("sample_weight", sample_weight))
        same_length("sample", list(y), "sample weight", given)
        weights = [real_number("a sample weight", weight, least=0.0) for weight in given]
    if class_weight is not None:
        labels = [_label(label) for label in y]
        by_class = _by_class(labels, class_weight)
        weights = [weight * by_class[label] for weight, label in zip(weights, labels)]
    if not any(weights):
        raise ValueError("all samples have the weight 0: nothing would be learned")
    return weights


def _by_class(labels: list[Any], class_weight: Mapping[Any, float] | str) -> dict[Any, float]:
    counts = Counter(labels)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return {label: len(labels) / (len(counts) * count) for label, count in counts.items()}
    if not isinstance(class_weight, Mapping):
        remedy = ": give dict(zip(classes, weights))" if is_row(class_weight) else ""
        raise TypeError(f'class_weight is a dict from class to weight, or "balanced", not {show(class_weight)}{remedy}')
    given = {_label(name): real_number("a class weight", weight, least=0.0) for name, weight in class_weight.items()}
    missing = [label for label in counts if label not in given]
    if missing and (isinstance(class_weight, Counter) or getattr(class_weight, "default_factory", None)):
        raise TypeError(
            f"class_weight leaves out {missing[0]!r}, for which a {type(class_weight).__name__} has its own number: "
            "give dict(class_weight), in which a class left out has the weight 1, or name all classes"
        )
    unknown = [label for label in given if label not in counts]
    if missing and unknown:  # of which one may be meant by the other
        raise ValueError(
            f"class_weight names {unknown[0]!r}, which is no label, and leaves out {missing[0]!r}: a class left "
            "out has the weight 1"
        )
    return {label: given.get(label, 1.0) for label in counts}


def _label(label: Any) -> Any:
    """A label as a key: classes that are numbers are equal whatever their type."""
    label = plain(label)
    if is_row(label):
        remedy = ": give y.squeeze(1)" if len(label) == 1 else "; sample_weight can weigh such samples"
        raise TypeError(f"class_weight needs labels that are classes, not rows such as {show(label)}{remedy}")
    if isinstance(label, float) and not label.is_integer():
        raise ValueError(
            f"class_weight needs labels that are classes, not numbers such as {label:.15g}: give sample_weight"
        )
    return label


def refuse_other_than_means(model: Model, loss: LossFunction, optimizer: Optimizer, X: Any, y: Any) -> None:
    """Refuse a loss that is not the mean over the samples, as its weighted form is: it is computed both ways for a few.

    This may be the model's first call: parameters that it makes there and the optimiser lacks are warned of.

    Raises:
        ValueError: it is not.
    """
    if is_mean(loss) or len(X) < 2:
        return
    first_call = FirstCall(model)
    try:
        with evaluating(), no_grad():
            outputs, labels = [model(x) for x in X[:SEVERAL]], [*y[:SEVERAL]]
            whole = float(loss(outputs, labels))
            each = [float(loss([output], [label])) for output, label in zip(outputs, labels)]
    except Exception:  # whatever is wrong, training says
        return
    first_call.warn(optimizer)
    of_each = math.fsum(each) / len(each)
    if math.isfinite(whole) and not math.isclose(whole, of_each, rel_tol=1e-6, abs_tol=1e-12):
        raise ValueError(
            f"sample_weight and class_weight need a loss that is the mean over the samples: for {len(each)} of them it "
            f"is {whole:g}, and the mean of their losses {of_each:g}; nn.per_sample makes one from the loss of a sample"
        )
