"""Outputs, probabilities and classes of samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from engine import compile

from ..arguments import counted, listed, warn_user
from ..elsewhere import explained
from ..rows import as_lists, only
from .columns import above, are_shares, ends_of, flat, largest, mapped, nan_at, width_of_each
from .labels import classes_of, names_several
from .programs import LossFunction, Model, in_form_of, outputs_of
from .rules import RULES, Rule, probabilities_of, threshold_of


@explained
def predict(model: Model, X: Any, *, backend: str = "auto") -> Any:
    """The outputs for every sample of X, as floats; no graph is kept, and the model is in eval mode meanwhile.

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples: a list, an array or a DataFrame.
        backend: "llvm", "numpy" or "python" for compiled code, "eager", or "auto" for the best that works: the first
            few samples run eagerly, and so does, with one warning, what cannot be compiled.

    Returns:
        An array if X is one (or a DataFrame), else a list. A layer with one output gives a column, N x 1: compare its
        [:, 0] with N labels. Outputs that are dicts remain dicts.

    Raises:
        TypeError: if X is not a list or array, a sample is not what the model takes, or an output is not a number.
        ValueError: if X is empty, or a sample of the wrong length.

    >>> from nn import Layer
    >>> predict(Layer(2, 1, init="zeros"), [[1.0, 2.0], [3.0, 4.0]])
    [[0.0], [0.0]]
    """
    return in_form_of(X, outputs_of(model, X, backend))


@explained
def predict_proba(model: Model, X: Any, *, loss: LossFunction | str | None = None, backend: str = "auto") -> Any:
    """The probability of every class for every sample, N x C; a single output p gives [1 - p, p].

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples.
        loss: the loss that the outputs were trained with, which tells whether they are logits; by default the one that
            `fit` has noted on the module, or else its last activation if that is a sigmoid.
        backend: as for `predict`.

    Raises:
        ValueError: if it is not known what the outputs are, or one is nan; and as `predict`.

    >>> from nn import Layer, bce_with_logits
    >>> predict_proba(Layer(2, 1, init="zeros"), [[1.0, 2.0]], loss=bce_with_logits)
    [[0.5, 0.5]]
    """
    rule = probabilities_of(model, loss)
    outputs = as_scores(outputs_of(model, X, backend))
    if rule is RULES["cross_entropy"] and are_shares(outputs):
        warn_user(
            "all outputs are probabilities already, from 0 to 1 with the sum 1, but outputs trained with cross_entropy "
            "are logits, to which a softmax is applied here: give loss=nn.bce to take probabilities as they are",
            UserWarning,
        )
    if hasattr(outputs, "dtype"):
        return in_form_of(X, _of_array(rule, outputs))
    return in_form_of(X, [mapped(partial(_of_row, rule), row if isinstance(row, list) else [row]) for row in outputs])


def _of_row(rule: Rule, row: list[Any]) -> list[Any]:
    """The probabilities of a sample."""
    assert rule.formula is not None
    found = rule.formula(row)
    rule.check(row, found)
    return found


def _of_array(rule: Rule, outputs: Any) -> Any:
    """The probabilities of many samples, by the same formula on columns."""
    assert rule.formula is not None
    rows = outputs.reshape(-1, outputs.shape[-1] if outputs.ndim > 1 else 1)
    found = _on_arrays(rule.formula)(rows)
    sums, width = found.sum(1), rows.shape[1]
    for place in {int(rows.argmin()) // width, int(rows.argmax()) // width, int(sums.argmin()), int(sums.argmax())}:
        rule.check(rows[place].tolist(), found[place].tolist())
    return found.reshape(*outputs.shape[:-1] if outputs.ndim > 1 else outputs.shape, found.shape[1])


@cache
def _on_arrays(formula: Callable[[list[Any]], list[Any]]) -> Any:
    return compile(formula, backend="numpy")


@explained
def classify(
    model: Model,
    X: Any,
    *,
    loss: LossFunction | str | None = None,
    threshold: float | None = None,
    backend: str = "auto",
) -> Any:
    """The class of every sample: the index of its largest output, or whether its only output is above a threshold.

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples.
        loss: the loss that a single output was trained with, which tells the threshold: 0 for the logits of
            `bce_with_logits` and the scores of `hinge`, 0.5 for the probabilities of `bce`; by default the one that
            `fit` has noted on the module, or else its last activation if that is a sigmoid (0.5).
        threshold: a threshold for a single output as `predict` gives it, instead: of a logit that is log(p / (1 - p))
            for the probability p.
        backend: as for `predict`.

    Returns:
        Class indices (1 or 0 for a single output, even if the labels were 1 and -1), or names if the model was trained
        with names as labels.

    Raises:
        ValueError: if no threshold is known, an output is nan, or not from 0 to 1 where they are probabilities by
            `bce`, or the largest has no name; if `fit` found labels that name several classes of a sample; and as
            `predict`.

    >>> from engine import Value
    >>> classify(lambda x: [Value(1.0), Value(x)], [0.5, 2.0])
    [0, 1]
    >>> classify(lambda x: x, [0.2, 0.7], threshold=0.5)
    [0, 1]
    """
    found = in_form_of(X, classes_from(model, outputs_of(model, X, backend), loss, threshold))
    names = classes_of(model)
    if names is None:
        return found
    beyond = max(flat(as_lists(found)))
    if beyond >= len(names):
        raise ValueError(
            f"the largest output of a sample is number {beyond}, and the labels that the model learned from name "
            f"{counted(len(names), 'class', 'classes')} only: {', '.join(names)}; build it with an output for each"
        )
    if hasattr(found, "dtype"):
        import numpy as np

        return np.array(names)[found]
    return [names[place] for place in found]


def classes_from(model: Model, outputs: Any, loss: Any, threshold: float | None = None) -> Any:
    """The class index of every sample's outputs, an array if they are one.

    Raises:
        ValueError: if the threshold of a single output is not known, or its loss is one for several outputs; if one is
            given for several, or rows of outputs differ in length; and as `as_scores`.
    """
    width = width_of_each(as_scores(outputs))
    if width > 1:
        if threshold is not None:
            raise ValueError(f"a threshold is for a single output: of {width} the largest gives the class")
        if names_several(model):
            raise ValueError(
                f"the labels that the model learned from may name several of {width} classes at once, or none, so "
                "that a sample has no one class: nn.predict_proba(model, X) has a probability for each"
            )
        return largest(outputs)
    return above(outputs, threshold_of(model, loss, threshold, ends_of(outputs)))


def as_scores(outputs: Any) -> Any:
    """Outputs of which classes or probabilities can be made.

    Raises:
        TypeError: they are dicts.
        ValueError: one is nan.
    """
    if isinstance(outputs[0], dict):
        names = [*map(repr, outputs[0])]
        raise TypeError(
            f"outputs are dicts{listed(names)}, none of which alone gives the class: judge each by itself, such as the "
            f"first with lambda x: model(x)[{names[0]}]"
        )
    place = nan_at(outputs)
    if place is not None:
        raise ValueError(f"the output of sample {place} is nan ({only(outputs[place])}), which is not a class")
    return outputs
