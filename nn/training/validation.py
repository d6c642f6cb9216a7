"""Validation: samples held out, and the model's scores on them after each epoch."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from numbers import Real
from typing import Any

from engine import no_grad

from ..arguments import plain, real_number, show
from ..data.entries import lost_numbers
from ..data.splits import split_rows
from ..data.tables import names_of_columns, paired, same_columns, same_order
from ..evaluation.columns import nan_at
from ..evaluation.means import Judge, Means
from ..evaluation.metrics import Accuracy, Metric, is_largest, is_largest_of_finite
from ..evaluation.named import OfUser
from ..evaluation.programs import Fixed, LossFunction, Model, Options, programs_of
from ..evaluation.rules import is_mean, name_of_loss, name_of_sample_loss
from ..modes import evaluating
from ..rows import is_row
from .rows import Rows

LOOKED_AT = 10
"""How many samples that hold a nan are tried before training."""

PATIENT = 20
"""From this epoch on a user's loss is compiled; with fewer epochs, its graph would cost more time than it saves."""


_MEANT = "validation is (X, y), or the share of samples to hold out, such as 0.2"


class Validation:
    """Scores on samples that the model does not learn from.

    Args:
        model: what is trained.
        rows: samples and labels.
        loss: the loss that it is trained with.
        metrics: functions of labels and outputs, by name.
        options: how outputs are computed.
        fixed: whether samples and labels stay the same, since no code of the user's runs in between.

    Attributes:
        rows: the samples and labels.
        acts: whether a metric is the user's own code, which may change things.
    """

    def __init__(
        self,
        model: Model,
        rows: Rows,
        loss: LossFunction,
        metrics: dict[str, Metric],
        options: Options,
        fixed: bool,
    ) -> None:
        self._programs = programs_of(model)
        self._programs.hurry()
        X, y = rows.first
        self.rows, self._loss, self._options = rows, loss, options
        self._names, self._metrics = [f"validation_{name}" for name in ("loss", *metrics)], list(metrics.values())
        self.acts = any(isinstance(metric, OfUser) for metric in metrics.values())
        fixed = fixed and not self.acts
        self._fixed = Fixed() if fixed else None
        for metric in metrics.values():
            if fixed and isinstance(metric, Accuracy):
                metric.fix(y)
        judges = _judges(loss, [*map(type, metrics.values())], y) if fixed and options.backend == "auto" else None
        self._means = None if judges is None else Means(model, loss, judges, X, y, options)
        self._first = 1 if is_mean(loss) else PATIENT

    def scores(self, epoch: int, watched: bool = False) -> dict[str, float]:
        """The loss and the metrics, as columns of a history; metrics of outputs that are nan are nan.

        Args:
            epoch: its number: to compile some losses takes as long as many validations in plain Python.
            watched: whether a trainer looks at what model and loss read, as it does before each epoch.
        """
        found = None if self._means is None or epoch < self._first else self._means(watched)
        return dict(zip(self._names, found or self._from_outputs(watched)))

    def _from_outputs(self, watched: bool) -> list[float]:
        X, y = self.rows.read() if self._fixed is None else self.rows.first
        if self._fixed is not None:
            self._fixed.watched = watched
        loss, outputs = self._programs.scored(self._loss, X, y, self._options, self._fixed)
        judged = nan_at(outputs) is None
        return [loss, *[metric(y, outputs) if judged else math.nan for metric in self._metrics]]


def _judges(loss: LossFunction, metrics: list[type], y: Any) -> list[Judge] | None:
    """The functions by which one program takes the loss and these metrics; None if it cannot take all of them.

    It can take the accuracy of class indices: this loss checks them, and is nan where an output is.
    """
    known = name_of_loss(loss)
    if known and not is_mean(loss):
        return None
    if not metrics:
        return []
    of_indices = name_of_sample_loss(loss) in ("cross_entropy", "") and _may_be_indices(y)
    return [is_largest if known else is_largest_of_finite] if of_indices and metrics == [Accuracy] else None


def _may_be_indices(labels: Any) -> bool:
    """Whether labels are neither rows nor bools; the metric itself refuses the latter."""
    return not is_row(labels[0]) and not any("bool" in kind.__name__ for kind in {*map(type, labels)})


def held_out(count: int, share: Any, rng: random.Random, strata: list[Any] | None) -> tuple[list[int], list[int]]:
    """The rows to learn from, and those held out.

    Args:
        count: how many rows there are.
        share: the share to hold out, above 0 and below 1.
        rng: the source of random numbers that chooses them.
        strata: a class for each row, of which each contributes the same share; None for none.

    Raises:
        TypeError: if the share is not a number, such as True.
        ValueError: if it is out of range, or leaves no sample on one side.
    """
    if isinstance(plain(share), bool) or not isinstance(plain(share), Real):
        raise TypeError(f"{_MEANT}, or None for none, not {show(share)}")
    share = real_number("validation", share, least=0.0, most=1.0)
    return split_rows(count, share, rng, strata, "validation")


def given_validation(validation: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """The samples and labels of `validation=(X, y)`, checked beside those to train with.

    Raises:
        TypeError: if it is not a pair.
        ValueError: if they differ in length, are empty, or are a table of other columns.
    """
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError(f"{_MEANT}, not {show(validation)}")
    same_columns("validation", validation[0], names_of_columns(X))
    same_order("validation[1]", validation[1], names_of_columns(y))
    try:
        return paired(*validation)
    except (TypeError, ValueError) as error:  # which speaks of X and y, as if they were those to train with
        if type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"validation=(X, y): {error}") from None


def refuse_lost(
    model: Model, loss: LossFunction, X: Any, y: Any, rows: Sequence[int], names: Sequence[str] | None
) -> None:
    """Refuse samples whose nan or infinite numbers make the validation loss nan, as it would be in every epoch.

    A model may know what to do with such numbers, so the loss of a few samples that hold some is computed.

    Args:
        model: what is trained.
        loss: what it is trained with.
        X: the samples held out.
        y: as many labels.
        rows: their places in the user's data.
        names: those of the columns of X, if it was a table.

    Raises:
        ValueError: there are such samples.
    """
    places = sorted({*_lost_places(X), *_lost_places(y)})
    for place in places[:LOOKED_AT]:
        if _is_nan(model, loss, X[place], y[place]):
            lost = lost_numbers(rows[place], X[place], y[place], names=names)
            raise ValueError(
                f"validation: {lost[0]}, which makes the loss of that sample nan, and so that of every validation: "
                "fill it in, or leave the sample out"
            )


def _lost_places(data: Any) -> list[int]:
    """The places of samples or labels that hold nan or infinite numbers."""
    if getattr(getattr(data, "dtype", None), "kind", "O") in "biuf":
        import numpy as np

        finite = np.isfinite(data)
        return [] if finite.all() else np.flatnonzero(~finite.reshape(len(data), -1).all(1)).tolist()
    return [place for place, item in enumerate(data) if _may_be_lost(item) and lost_numbers(place, item, None)]


def _may_be_lost(item: Any) -> bool:
    """Whether there may be a number that is not finite; False if a quick look rules it out."""
    try:
        return not math.isfinite(sum(item) if is_row(item) else item)
    except (TypeError, OverflowError):  # rows, or not numbers
        return any(map(_may_be_lost, item)) if is_row(item) else True


def _is_nan(model: Model, loss: LossFunction, x: Any, label: Any) -> bool:
    try:
        with evaluating(), no_grad():
            return math.isnan(float(loss([model(x)], [label])))
    except ValueError:  # a label that is not a number
        return True
    except Exception:  # training will say what else is wrong
        return False
