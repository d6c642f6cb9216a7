"""Metrics: accuracy and confusion matrix, R² and others, of a model or of its outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import engine
from engine import maximum, take, where

from ..arguments import counted
from ..data.tables import paired
from ..elsewhere import explained
from ..rows import has_array
from .columns import flat, innermost, places_taken, shape_of_each, width_of, width_of_each
from .labels import classes_of, label_indices
from .predicting import as_scores, classes_from
from .programs import LossFunction, Model, outputs_of

Metric = Callable[[Any, Any], float]
"""A function of labels and outputs, in scikit-learn's order."""


@explained
def accuracy(
    model: Model,
    X: Any,
    y: Any,
    *,
    loss: LossFunction | str | None = None,
    threshold: float | None = None,
    backend: str = "auto",
) -> float:
    """The share of samples whose class is the label's, from 0 to 1.

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples, a list, array or DataFrame of rows.
        y: their labels. With n outputs: class indices from 0 to n - 1, or one-hot rows. With one output: 1 against 0
            or -1. Or names of classes, if the model was trained with these.
        loss: as for `classify`.
        threshold: as for `classify`.
        backend: as for `predict`.

    Raises:
        TypeError: if a label is not a number, or X or y not a list or array.
        ValueError: if there is no data, X and y differ in length, a label is not one of the model's, an output is
            nan, or the threshold of a single output is not known.
        IndexError: if a class index is negative or too large.

    >>> from engine import Value
    >>> accuracy(lambda x: [Value(1.0), Value(x)], [0.5, 2.0], [0, 0])
    0.5
    """
    samples, labels = paired(X, y, model=model)
    return _accuracy_from(model, outputs_of(model, samples, backend), labels, loss, threshold)


@explained
def confusion_matrix(
    model: Model,
    X: Any,
    y: Any,
    *,
    loss: LossFunction | str | None = None,
    threshold: float | None = None,
    backend: str = "auto",
) -> Any:
    """How many samples of each class (rows, by label) are taken for each class (columns, by prediction).

    Args:
        model: a module, or a function from one sample to its outputs.
        X: the samples.
        y: their labels.
        loss: as for `classify`.
        threshold: as for `classify`.
        backend: as for `predict`.

    Returns:
        C x C counts, classes in the order of their indices or of `model.classes`; an array if X is one, else lists.

    Raises:
        TypeError, ValueError, IndexError: as `accuracy`.

    >>> from engine import Value
    >>> confusion_matrix(lambda x: [Value(1.0), Value(x)], [0.5, 2.0, 3.0], [0, 0, 1])
    [[1, 1], [0, 1]]
    """
    samples, labels = paired(X, y, model=model)
    outputs = outputs_of(model, samples, backend)
    truth, found = _judged(model, outputs, labels, loss, threshold)
    count = max(2, width_of(shape_of_each(outputs)))
    matrix = [[0] * count for _ in range(count)]
    for row, column in zip(flat(truth), flat(found)):
        matrix[row][column] += 1
    if not has_array(X):
        return matrix
    import numpy as np

    return np.array(matrix)


class Accuracy:
    """The accuracy of outputs, as a metric.

    Args:
        model: the model whose outputs they are.
        loss: the loss it was trained with; None for the one that `fit` has noted.
    """

    def __init__(self, model: Model, loss: LossFunction | None) -> None:
        self._model, self._loss = model, loss
        self._fixed: Any = None
        self._classes: Any = None  # of the labels that are fixed

    def fix(self, labels: Any) -> None:
        """Rely on these labels not to change, and read them only once."""
        self._fixed, self._classes = labels, None

    def __call__(self, labels: Any, outputs: Any) -> float:
        """The share of outputs whose class is the label's."""
        if labels is not self._fixed:
            return _accuracy_from(self._model, outputs, labels, self._loss)
        found = classes_from(self._model, outputs, self._loss)
        if self._classes is None:
            self._classes = _indices(labels, outputs, classes_of(self._model))
        return _share_of_equal(self._classes, found)


def is_largest(place: Any, outputs: list[Any]) -> Any:
    """1.0 if the output at a place is the largest, or the first of several largest; else 0.0.

    >>> is_largest(1, [2.0, 2.0]), is_largest(0, [2.0, 2.0])
    (0.0, 1.0)
    """
    chosen = take(place, outputs)
    beaten = [
        where(x > chosen, 1.0, where(x == chosen, where(place > k, 1.0, 0.0), 0.0)) for k, x in enumerate(outputs)
    ]
    return 1.0 - maximum(*beaten)


def is_largest_of_finite(place: Any, outputs: list[Any]) -> Any:
    """The same as `is_largest`; nan where an output is nan or infinite.

    >>> is_largest_of_finite(0, [2.0, 1.0]), is_largest_of_finite(0, [2.0, math.inf])
    (1.0, nan)
    """
    return is_largest(place, outputs) + 0.0 * engine.sum(outputs)


def _accuracy_from(model: Model, outputs: Any, labels: Any, loss: Any, threshold: float | None = None) -> float:
    """The accuracy of outputs."""
    return _share_of_equal(*_judged(model, outputs, labels, loss, threshold))


def _share_of_equal(truth: Any, found: Any) -> float:
    if hasattr(truth, "dtype") and hasattr(found, "dtype"):
        import numpy as np

        return float(np.count_nonzero(truth == found) / truth.size)
    pairs = list(zip(flat(truth), flat(found)))
    return sum(bool(a == b) for a, b in pairs) / len(pairs)


def _judged(model: Model, outputs: Any, labels: Any, loss: Any, threshold: float | None) -> tuple[Any, Any]:
    """The classes of labels and of outputs."""
    found = classes_from(model, outputs, loss, threshold)
    return _indices(labels, outputs, classes_of(model)), found


def _indices(labels: Any, outputs: Any, classes: list[Any] | None) -> Any:
    """The class that each label names; of a sequence there must be one for each position.

    Raises:
        ValueError: there are more or fewer; and as `label_indices`.
    """
    shape = shape_of_each(outputs)
    found = label_indices(labels, shape, classes)
    if len(shape) > 1:
        for place, (named, rows) in enumerate(zip(found, outputs)):
            given, positions = len(flat(named)), len(innermost(rows))
            if given != positions:
                labelled = f"{counted(given, 'label')} against {counted(positions, 'position')}"
                raise ValueError(f"sample {place} has {labelled}: give one for each")
    return found


def top_k(labels: Any, outputs: Any, k: int, classes: list[Any] | None = None) -> float:
    """The share of samples whose label is among the k largest outputs; the first of equal ones counts as larger.

    Raises:
        TypeError, ValueError: if there are fewer than k + 1 outputs, or as `classes_from`.

    >>> top_k([2, 2], [[0.5, 0.1, 0.4], [0.5, 0.4, 0.1]], k=2)
    0.5
    """
    count = width_of_each(as_scores(outputs))
    if count <= k:
        raise ValueError(f"top{k} of {counted(count, 'output')} is always right: take a smaller number")
    places = places_taken(outputs, _indices(labels, outputs, classes))
    return sum(place < k for place in places) / len(places)


def r2(labels: Any, outputs: Any) -> float:
    """The coefficient of determination, 1 - squared errors / squared deviations; the mean over several outputs.

    1 is perfect, 0 no better than the mean of the labels; nan if labels are all the same.

    >>> r2([1.0, 2.0, 3.0], [[1.0], [2.0], [3.0]]), r2([1.0, 3.0], [2.0, 2.0])
    (1.0, 0.0)
    """
    scores = []
    for truth, found in zip(*_columns(labels, outputs)):
        middle = math.fsum(truth) / len(truth)
        if min(truth) == max(truth) or any(map(math.isnan, found)):  # of equal labels the mean may be rounded
            return math.nan
        share = math.hypot(*[t - f for t, f in zip(truth, found)]) / math.hypot(*[t - middle for t in truth])
        scores.append(1.0 - share * share)  # of roots, since squares may be beyond the range of floats
    return math.fsum(scores) / len(scores)


def mean_absolute_error(labels: Any, outputs: Any) -> float:
    """The mean of |output - label|.

    >>> mean_absolute_error([1.0, 2.0], [[1.5], [2.5]])
    0.5
    """
    errors = [abs(t - f) for pair in zip(*_rows(labels, outputs)) for t, f in zip(*pair)]
    return math.fsum(errors) / len(errors)


def _columns(labels: Any, outputs: Any) -> tuple[list[list[float]], list[list[float]]]:
    """Labels and outputs by output: one list for each, of all samples.

    Raises:
        ValueError: samples differ in how many they have.
    """
    truth, found = _rows(labels, outputs)
    if len({*map(len, truth)}) > 1:
        raise ValueError(
            "samples differ in how many outputs they have, and r2 compares each output with its mean over all samples: "
            "give metrics='mae', a function of yours, or metrics=()"
        )
    return [list(column) for column in zip(*truth)], [list(column) for column in zip(*found)]


def _rows(labels: Any, outputs: Any) -> tuple[list[list[float]], list[list[float]]]:
    """Labels and outputs by sample: one list for each, as many numbers in the one as in the other.

    Raises:
        ValueError: there are more or fewer.
    """
    truth, found = map(_float_rows, (labels, outputs))
    for place, (a, b) in enumerate(zip(truth, found)):
        if len(a) != len(b):
            raise ValueError(
                f"sample {place} has {counted(len(a), 'label')} against {counted(len(b), 'output')}: give one for each"
            )
    return truth, found


def _float_rows(numbers: Any) -> list[list[float]]:
    if hasattr(numbers, "dtype"):
        rows: list[list[float]] = numbers.reshape(len(numbers), -1).astype(float).tolist()
        return rows
    return [[float(x) for x in flat(row)] for row in numbers]
