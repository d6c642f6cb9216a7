"""Metrics by name, and users' functions as metrics."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..arguments import check_takes, show, text_of, whole_number
from .broadcasting import refuse_all_pairs
from .few_bits import refuse_overflow
from .labels import classes_of
from .metrics import Accuracy, Metric, mean_absolute_error, r2, top_k
from .programs import LossFunction, Model, in_form_of
from .rules import RULES, check_order, name_of_sample_loss


def metrics_for(
    metrics: str | Metric | Sequence[str | Metric] | None,
    model: Model,
    loss: LossFunction,
    X: Any,
    one_class: bool = True,
) -> dict[str, Metric]:
    """Metrics as functions of labels and outputs, by the names of their columns.

    Args:
        metrics: names ("accuracy", "top3" and so on, "r2", "mae") or functions of labels and outputs; None for what
            fits the loss: accuracy for classes, R² for `mse` and `mae`, else nothing.
        model: the model whose outputs they will be.
        loss: the loss it is trained with.
        X: the samples; functions get outputs as an array if these are one, else as lists.
        one_class: whether each label names one class; of others there is no accuracy.

    Raises:
        TypeError: if one is neither a name nor a function.
        ValueError: if a name is not known, does not fit the loss, or two metrics have the same name.
    """
    if metrics is None:
        name = name_of_sample_loss(loss)
        metrics = ["accuracy"] if name in RULES and one_class else ["r2"] if name in ("mse", "mae") else []
    chosen = [metrics] if isinstance(metrics, str) or not isinstance(metrics, Iterable) else list(metrics)
    found: dict[str, Metric] = {}
    for name, metric in [_metric(one, model, loss, X) for one in chosen]:
        if name == "loss" or name in found:
            raise ValueError(f"there is a column {name!r} already: give the metric's function another __name__")
        found[name] = metric
    return found


class OfUser:
    """A metric of the user's own.

    Args:
        name: the name of its column.
        metric: a function of labels and outputs.
        X: the samples.
    """

    def __init__(self, name: str, metric: Metric, X: Any) -> None:
        self._name, self._metric, self._X = name, metric, X
        self._is_known = False

    def __call__(self, labels: Any, outputs: Any) -> float:
        """The function's result for outputs in the form of the samples.

        Raises:
            TypeError: if that is not one number.
            ValueError: if it is computed of all pairs of outputs and labels, or of labels whose differences overflow.
        """
        found = self._of(labels, outputs)
        if not self._is_known:
            for refuse in (refuse_all_pairs, refuse_overflow):
                refuse(f"the metric {self._name}", lambda o, y: self._of(y, o), found, outputs, labels)
            self._is_known = True
        return found

    def _of(self, labels: Any, outputs: Any) -> float:
        labels, outputs = copy.deepcopy((labels, outputs))  # it may sort or scale them, and others read them afterwards
        found = self._metric(labels, in_form_of(self._X, outputs))
        try:
            return float(found)
        except (TypeError, ValueError):
            raise TypeError(f"the metric {self._name} must give one number, not {show(found)}") from None


def _metric(metric: Any, model: Model, loss: LossFunction, X: Any) -> tuple[str, Metric]:
    if callable(metric):
        name = text_of(metric)
        if name in ("accuracy", "mae") and getattr(metric, "__module__", "").startswith("nn."):
            raise TypeError(f"nn.{name} is no function of labels and outputs: write metrics=[{name!r}]")
        check_takes("a metric", metric, "labels", "outputs")
        check_order("a metric", metric, "labels", "outputs")
        return name, OfUser(name, metric, X)
    if not isinstance(metric, str):
        raise TypeError(f"a metric is a name or a function of labels and outputs, not {show(metric)}")
    if metric == "accuracy":
        return metric, Accuracy(model, loss if name_of_sample_loss(loss) in RULES else None)
    if re.fullmatch(r"top[0-9]+", metric):
        k = whole_number("k of top-k", int(metric[3:]), least=1)
        return metric, lambda labels, outputs: top_k(labels, outputs, k, classes_of(model))
    known: dict[str, Metric] = {"r2": r2, "mae": mean_absolute_error}
    if metric not in known:
        raise ValueError(
            f"no metric is named {metric!r}: choose accuracy, top3 (or another number), r2, mae, or give a function"
        )
    trained_with = name_of_sample_loss(loss)
    if trained_with in RULES and trained_with != "bce":  # whose outputs are probabilities, close to the labels
        raise ValueError(
            f"{metric} compares outputs with labels as numbers, and what {trained_with} trains are scores: give "
            "metrics='accuracy', or a function of labels and outputs"
        )
    return metric, known[metric]
