"""Evaluating a model: outputs, classes, and how often they are right."""

from __future__ import annotations

from typing import Any

from engine import no_grad

from .arguments import as_row, class_index, is_row, real_number, same_length
from .training.steps import LossFunction, Model


def predict(model: Model, X: Any) -> list[Any]:
    """The outputs for every sample of X, as floats; no graph is kept.

    Raises:
        TypeError: if X is no list or array, or a sample is not what the model takes.
        ValueError: if X is empty, or a sample of the wrong length.

    >>> from nn import Layer
    >>> predict(Layer(2, 1, init="zeros"), [[1.0, 2.0], [3.0, 4.0]])
    [[0.0], [0.0]]
    """
    with no_grad():
        return [_floats(model(x)) for x in as_row("X", X)]


def classify(model: Model, X: Any) -> list[int]:
    """The class of every sample: the index of its largest output, or the sign (1 or 0) of its only one.

    Raises:
        TypeError: if X is no list or array, or a sample is not what the model takes.
        ValueError: if X is empty, or a sample of the wrong length.

    >>> from engine import Value
    >>> classify(lambda x: [Value(1.0), Value(x)], [0.5, 2.0])
    [0, 1]
    """
    return [_class_of(output) for output in predict(model, X)]


def accuracy(model: Model, X: Any, y: Any) -> float:
    """The share of samples whose class is the label's, from 0 to 1.

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples, a list or array of rows.
        y: as many labels. With n outputs: class indices from 0 to n - 1, or one-hot rows. With one output (a
            score whose sign tells the class, as `hinge` and `bce_with_logits` train it): 1 against 0 or -1.

    Raises:
        TypeError: if a label is no number, or X or y no list or array.
        ValueError: if there is no data, X and y differ in length, or a label is none of the model's.
        IndexError: if a class index is negative or too large.

    >>> from engine import Value
    >>> accuracy(lambda x: [Value(1.0), Value(x)], [0.5, 2.0], [0, 0])
    0.5
    """
    samples, labels = as_row("X", X), as_row("y", y)
    same_length("samples", samples, "labels", labels)
    outputs = predict(model, samples)
    hits = [_class_of(output) == _label_of(label, output) for output, label in zip(outputs, labels)]
    return sum(hits) / len(hits)


def score(model: Model, X: Any, y: Any, loss: LossFunction) -> float:
    """The loss of the model on a data set, as a float; no graph is kept.

    Raises:
        TypeError, ValueError, IndexError: as the loss raises them, and if X is no list or array, or empty.

    >>> from engine import Value
    >>> from nn import mse
    >>> score(lambda x: Value(x), [1.0, 2.0], [1.0, 4.0], mse)
    2.0
    """
    with no_grad():
        return float(loss([model(x) for x in as_row("X", X)], as_row("y", y)))


def _floats(output: Any) -> Any:
    return [_floats(item) for item in output] if is_row(output) else float(output)


def _class_of(output: Any) -> int:
    if is_row(output) and len(output) > 1:
        return int(output.index(max(output)))
    return int((output[0] if is_row(output) else output) > 0)


def _label_of(label: Any, output: Any) -> int:
    """The class that a label stands for, beside an output."""
    if is_row(output) and len(output) > 1:
        if is_row(label):
            row = as_row("label", label)
            same_length("entries of a one-hot label", row, "outputs", output)
            return int(row.index(max(row)))
        return class_index(label, len(output))
    sign = real_number("a label", label[0] if is_row(label) and len(label) == 1 else label)
    if sign not in (-1.0, 0.0, 1.0):
        raise ValueError(f"a label beside one output is 1 against 0 or -1, not {sign:g}")
    return int(sign > 0.0)
